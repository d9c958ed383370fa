//! A Prometheus of one's own, with a past.
//!
//! `.ci/prometheus` finds one; where there is none, tests that need it are skipped, except where `CI` is set: there they fail.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Longest wait until it answers.
const START_MAX: Duration = Duration::from_secs(30);
/// Wait between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// The server. Ends when dropped.
pub struct Prometheus {
    child: Child,
    url: String,
    folder: TempDir,
}

impl Prometheus {
    /// Starts one that remembers this, in the text format of OpenMetrics with times; nothing is scraped. Why this machine
    /// cannot is printed.
    ///
    /// # Panics
    /// If it does not start, and if it is not there and `CI` is set.
    pub fn start(past: &str) -> Option<Self> {
        let programs = programs()?;
        let folder = TempDir::with_prefix("prometheus-").unwrap();
        let of = |name: &str| folder.path().join(name);
        fs::write(of("past"), past).unwrap();
        fs::write(of("config.yml"), "global: {}\n").unwrap();
        let mut written = Command::new(programs.join("promtool"));
        written
            .args(["tsdb", "create-blocks-from", "openmetrics", "--quiet"])
            .arg(of("past"))
            .arg(of("data"));
        crate::python::run(&mut written);
        let address = format!("127.0.0.1:{}", crate::free_port());
        let log = fs::File::create(of("log")).unwrap();
        let child = Command::new(programs.join("prometheus"))
            .arg(format!("--config.file={}", of("config.yml").display()))
            .arg(format!("--storage.tsdb.path={}", of("data").display()))
            .arg("--storage.tsdb.retention.time=10y")
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut started = Self { child, url: format!("http://{address}"), folder };
        started.wait(&address);
        Some(started)
    }

    fn wait(&mut self, address: &str) {
        let begun = Instant::now();
        while !is_ready(address) {
            let log = || fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(begun.elapsed() < START_MAX, "it does not get ready: {}", log());
            assert!(self.child.try_wait().unwrap().is_none(), "it ended: {}", log());
            std::thread::sleep(LOOK);
        }
    }

    /// Where it answers.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

/// The folder of the programs, found once in each process.
fn programs() -> Option<&'static Path> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = FOLDER.get_or_init(|| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().join(".ci/prometheus");
        let told = Command::new(script).stderr(Stdio::inherit()).output().unwrap();
        let path = String::from_utf8(told.stdout).unwrap();
        crate::expect_built(told.status);
        told.status.success().then(|| path.trim().into())
    });
    if found.is_none() {
        crate::skip("no Prometheus to test against");
    }
    found.as_deref()
}

/// Whether it says that it serves.
fn is_ready(address: &str) -> bool {
    use std::io::{Read as _, Write as _};
    let Ok(mut stream) = std::net::TcpStream::connect(address) else { return false };
    let asked = stream.write_all(b"GET /-/ready HTTP/1.0\r\n\r\n");
    let mut answer = String::new();
    asked.is_ok() && stream.read_to_string(&mut answer).is_ok() && answer.contains(" 200 ")
}
