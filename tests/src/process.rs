//! A `plimsolld` of one's own, as a process that can be killed.

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use plimsoll_props::free_port;
use tonic::transport::{Channel, Endpoint};

/// A server with its memory in a folder. Killed when dropped.
pub struct Process {
    child: Child,
    port: u16,
    metrics: u16,
    /// Held open: it has more to say than is read.
    _words: ChildStdout,
}

impl Process {
    /// Starts the `plimsolld` that was built beside this program, and waits until it serves.
    ///
    /// # Panics
    /// If it is not there or does not start.
    pub fn start(folder: &Path, port: u16, speed: u32) -> Self {
        Self::start_with(folder, port, speed, &[], &[])
    }

    /// The same with more settings, `key=value`, and more in its environment.
    ///
    /// # Panics
    /// As of [`Process::start`].
    pub fn start_with(
        folder: &Path,
        port: u16,
        speed: u32,
        settings: &[String],
        environment: &[(&str, &str)],
    ) -> Self {
        let more = settings.to_vec();
        let metrics = free_port();
        let store = folder.join("plimsoll.db");
        let settings = [
            format!("listen.grpc=127.0.0.1:{port}"),
            format!("listen.metrics=127.0.0.1:{metrics}"),
            format!("store.path={}", store.display()),
            format!("simulator.speed={speed}"),
            "log.filter=warn".to_owned(),
        ];
        let mut child = Command::new(binary())
            .arg("serve")
            .args(settings.into_iter().chain(more).flat_map(|text| ["--set".to_owned(), text]))
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("plimsolld is built beside this program");
        let mut words = child.stdout.take().unwrap();
        let mut lines = BufReader::new(&mut words).lines();
        assert!(lines.any(|line| line.unwrap().starts_with("grpc ")), "it does not serve");
        Self { child, port, metrics, _words: words }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its metrics page.
    ///
    /// # Panics
    /// If it does not answer.
    pub fn metrics(&self) -> String {
        let mut page = TcpStream::connect((Ipv4Addr::LOCALHOST, self.metrics)).unwrap();
        page.write_all(b"GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n").unwrap();
        let mut text = String::new();
        page.read_to_string(&mut text).unwrap();
        text
    }

    /// A connection to it, or to the one that is started on its port after it; made when it is first used.
    pub fn channel(&self) -> Channel {
        Endpoint::from_shared(format!("http://127.0.0.1:{}", self.port)).unwrap().connect_lazy()
    }

    /// Ends it without a word to it (SIGKILL).
    ///
    /// # Panics
    /// If the system does not let us.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be dead already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Beside this program, or, for a test, one folder above.
fn binary() -> PathBuf {
    let here = std::env::current_exe().unwrap();
    let places = here.ancestors().skip(1).take(2).map(|folder| folder.join("plimsolld"));
    places.into_iter().find(|path| path.is_file()).expect("plimsolld is built")
}
