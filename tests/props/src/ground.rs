//! A Kubernetes control plane of one's own: etcd, API server, controllers, scheduler and simulated kubelets on loopback.
//!
//! `.ci/ground` builds it; a machine that cannot is told what to install, and tests that need it are skipped, except where
//! `CI` is set: there they fail. It ends with whoever started it, however that ends.

mod metrics;
mod parts;
mod pki;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::ServiceAccount;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use tempfile::TempDir;

use parts::{Part, Ports};
pub use pki::token;

/// Longest wait for a part to serve.
const START_MAX: Duration = Duration::from_secs(60);
/// Wait between two looks.
const LOOK: Duration = Duration::from_millis(50);
/// Starts until ports that nobody took meanwhile are found.
const STARTS_MAX: usize = 3;

/// How the scheduler scores nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scoring {
    /// The stock setting: the emptiest first.
    #[default]
    LeastAllocated,
    /// The fullest first.
    MostAllocated,
}

/// What is started.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// How the scheduler scores nodes.
    pub scoring: Scoring,
    /// Whether `metrics.k8s.io` is served. It takes half a minute until it knows something.
    pub metrics: bool,
    /// How many times shorter the controller of Jobs waits until it makes a failed pod again, if at all: 10 s, twice as long
    /// after each, up to 10 min.
    pub speed: Option<u32>,
}

/// The control plane. Ends when dropped.
pub struct Ground {
    folder: TempDir,
    ports: Ports,
    parts: Vec<Part>,
    speed: u32,
}

impl Ground {
    /// Starts one, if this machine has it; why not is printed.
    ///
    /// # Panics
    /// If it is there and does not start, and if it is not there and `CI` is set.
    pub async fn start(options: Options) -> Option<Self> {
        let program = program()?;
        // A second installation says so, and the first one is as good.
        let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
        for _ in 1..STARTS_MAX {
            match Self::try_start(program, options).await {
                Ok(ground) => return Some(ground),
                Err(why) => eprintln!("{why}; once more"),
            }
        }
        Some(Self::try_start(program, options).await.unwrap_or_else(|why| panic!("{why}")))
    }

    async fn try_start(program: &Path, options: Options) -> Result<Self, String> {
        let folder = TempDir::with_prefix("ground-").unwrap();
        let ports = Ports::free();
        pki::write(folder.path());
        let speed = options.speed.unwrap_or(1);
        let mut ground = Self { folder, ports, parts: Vec::new(), speed };
        for name in ["admin", "controllers", "scheduler", "kubelets"] {
            let config = pki::kubeconfig(&ground.url(), ground.folder.path(), &pki::token(name));
            fs::write(ground.path(name), config).unwrap();
        }
        ground.run(program, parts::etcd(ground.folder.path(), &ground.ports));
        ground.run(program, parts::api_server(ground.folder.path(), &ground.ports, options));
        ground
            .until("the API server", async |client| client.request_text(get("/readyz")).await.is_ok())
            .await?;
        ground.run(program, parts::controllers(ground.folder.path()));
        ground.run(program, parts::scheduler(ground.folder.path(), options.scoring));
        let stages = File::create(ground.path("stages.yaml")).unwrap();
        let written = Command::new(program).arg("stages").stdout(stages).status().unwrap();
        assert!(written.success(), "the stages of kubelets");
        ground.run(program, parts::kubelets(ground.folder.path(), &ground.ports));
        if options.metrics {
            ground.run(program, parts::metrics(ground.folder.path(), &ground.ports));
        }
        let account = async |client: Client| {
            let accounts: Api<ServiceAccount> = Api::namespaced(client, "default");
            accounts.get("default").await.is_ok()
        };
        ground.until("the controllers", account).await?;
        if options.metrics {
            let client = ground.client().await;
            let registered = metrics::register(&client, ground.folder.path(), ground.ports.metrics).await;
            registered.map_err(|error| format!("metrics.k8s.io is not registered: {error}"))?;
        }
        Ok(ground)
    }

    fn run(&mut self, program: &Path, part: (&'static str, Vec<String>)) {
        let (name, flags) = part;
        let log = File::create(self.path(&format!("{name}.log"))).unwrap();
        self.parts.push(Part::start(program, name, &flags, log, self.speed));
    }

    /// Waits until something holds, as long as all parts live.
    async fn until(&mut self, what: &str, holds: impl AsyncFn(Client) -> bool) -> Result<(), String> {
        let begun = Instant::now();
        while begun.elapsed() < START_MAX {
            if holds(self.client().await).await {
                return Ok(());
            }
            if let Some(dead) = self.parts.iter_mut().find_map(Part::dead) {
                let log = fs::read_to_string(self.path(&format!("{dead}.log"))).unwrap_or_default();
                let end: Vec<&str> = log.lines().rev().take(5).collect();
                return Err(format!("{dead} ended: {}", end.join(" | ")));
            }
            tokio::time::sleep(LOOK).await;
        }
        Err(format!("{what} did not come up"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Where the API server listens.
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.ports.api)
    }

    /// A kubeconfig of somebody who may do everything; a path.
    pub fn kubeconfig(&self) -> PathBuf {
        self.path("admin")
    }

    /// What `kubectl` prints for somebody who may do everything.
    ///
    /// # Panics
    /// If it fails.
    pub fn kubectl(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(program().unwrap());
        command.arg("kubectl").arg("--kubeconfig").arg(self.kubeconfig());
        command.arg("--cache-dir").arg(self.path("kubectl")).args(arguments);
        crate::python::run(&mut command)
    }

    /// Somebody who may do everything.
    pub async fn client(&self) -> Client {
        self.client_with(&pki::token("admin")).await
    }

    /// Whoever a token belongs to.
    ///
    /// # Panics
    /// If the configuration does not make sense.
    pub async fn client_with(&self, token: &str) -> Client {
        Client::try_from(self.config_with(token).await).unwrap()
    }

    /// How somebody who may do everything reaches it.
    pub async fn config(&self) -> Config {
        self.config_with(&pki::token("admin")).await
    }

    /// How whoever a token belongs to reaches it.
    ///
    /// # Panics
    /// If the configuration does not make sense.
    pub async fn config_with(&self, token: &str) -> Config {
        let text = pki::kubeconfig(&self.url(), self.folder.path(), token);
        let config = Kubeconfig::from_yaml(&text).unwrap();
        Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await.unwrap()
    }
}

fn get(path: &str) -> http::Request<Vec<u8>> {
    http::Request::get(path).body(Vec::new()).unwrap()
}

/// The program, built if need be, once in each process.
fn program() -> Option<&'static Path> {
    static PROGRAM: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = PROGRAM.get_or_init(|| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().join(".ci/ground");
        let built = Command::new(script).stderr(Stdio::inherit()).output().unwrap();
        let path = String::from_utf8(built.stdout).unwrap();
        crate::expect_built(built.status);
        built.status.success().then(|| path.trim().into())
    });
    if found.is_none() {
        crate::skip("no Kubernetes control plane to test against");
    }
    found.as_deref()
}
