//! The parts of a control plane as processes, and their flags.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::json;

use crate::free_port;

use super::{Options, Scoring};

/// Where parts listen, all on loopback.
pub struct Ports {
    pub etcd: u16,
    pub api: u16,
    pub kubelets: u16,
    pub metrics: u16,
}

impl Ports {
    pub fn free() -> Self {
        Self { etcd: free_port(), api: free_port(), kubelets: free_port(), metrics: free_port() }
    }
}

/// A running part.
pub struct Part {
    name: &'static str,
    child: Child,
}

impl Part {
    pub fn start(program: &Path, name: &'static str, flags: &[String], log: File, speed: u32) -> Self {
        let child = Command::new(program)
            .arg(name)
            .args(flags)
            // It ends when the other end of its input is closed, which the system does for whoever dies.
            .env("GROUND_LEASH", "1")
            .env("GOGC", "400")
            .env("GROUND_SPEED", speed.to_string())
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { name, child }
    }

    /// Its name, if it has ended.
    pub fn dead(&mut self) -> Option<&'static str> {
        self.child.try_wait().unwrap().map(|_| self.name)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // It may be dead already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

type Flags = (&'static str, Vec<String>);

fn flags<const N: usize>(name: &'static str, flags: [String; N]) -> Flags {
    (name, flags.to_vec())
}

pub fn etcd(folder: &Path, ports: &Ports) -> Flags {
    let url = format!("http://127.0.0.1:{}", ports.etcd);
    flags(
        "etcd",
        [
            "--unsafe-no-fsync".into(),
            "--name=ground".into(),
            format!("--data-dir={}/etcd", folder.display()),
            format!("--listen-client-urls={url}"),
            format!("--advertise-client-urls={url}"),
            "--listen-peer-urls=http://127.0.0.1:0".into(),
            "--initial-advertise-peer-urls=http://127.0.0.1:1".into(),
            "--initial-cluster=ground=http://127.0.0.1:1".into(),
        ],
    )
}

pub fn api_server(folder: &Path, ports: &Ports, options: Options) -> Flags {
    let file = |name: &str| folder.join(name).display().to_string();
    let mut all = vec![
        format!("--etcd-servers=http://127.0.0.1:{}", ports.etcd),
        "--bind-address=127.0.0.1".into(),
        "--advertise-address=127.0.0.1".into(),
        "--endpoint-reconciler-type=none".into(),
        format!("--secure-port={}", ports.api),
        format!("--tls-cert-file={}", file("serving.crt")),
        format!("--tls-private-key-file={}", file("serving.key")),
        format!("--client-ca-file={}", file("ca.crt")),
        format!("--token-auth-file={}", file("tokens.csv")),
        "--authorization-mode=Node,RBAC".into(),
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local".into(),
        format!("--service-account-key-file={}", file("accounts.pub")),
        format!("--service-account-signing-key-file={}", file("accounts.key")),
        "--service-cluster-ip-range=10.96.0.0/16".into(),
        "--enable-admission-plugins=NodeRestriction".into(),
        "--allow-privileged".into(),
        "--max-requests-inflight=800".into(),
        "--max-mutating-requests-inflight=400".into(),
    ];
    if options.metrics {
        all.extend([
            format!("--requestheader-client-ca-file={}", file("ca.crt")),
            "--requestheader-allowed-names=proxy".into(),
            "--requestheader-extra-headers-prefix=X-Remote-Extra-".into(),
            "--requestheader-group-headers=X-Remote-Group".into(),
            "--requestheader-username-headers=X-Remote-User".into(),
            format!("--proxy-client-cert-file={}", file("proxy.crt")),
            format!("--proxy-client-key-file={}", file("proxy.key")),
        ]);
    }
    ("kube-apiserver", all)
}

pub fn controllers(folder: &Path) -> Flags {
    let file = |name: &str| folder.join(name).display().to_string();
    flags(
        "kube-controller-manager",
        [
            format!("--kubeconfig={}", file("controllers")),
            "--leader-elect=false".into(),
            "--secure-port=0".into(),
            "--use-service-account-credentials".into(),
            format!("--service-account-private-key-file={}", file("accounts.key")),
            format!("--root-ca-file={}", file("ca.crt")),
            format!("--cluster-signing-cert-file={}", file("ca.crt")),
            format!("--cluster-signing-key-file={}", file("ca.key")),
            "--allocate-node-cidrs=false".into(),
            "--kube-api-qps=2000".into(),
            "--kube-api-burst=4000".into(),
        ],
    )
}

/// The stock scheduler, but for who leads, how fast it may ask, and how it scores.
pub fn scheduler(folder: &Path, scoring: Scoring) -> Flags {
    let mut config = json!({
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "leaderElection": { "leaderElect": false },
        "clientConnection": { "kubeconfig": folder.join("scheduler"), "qps": 2000, "burst": 4000 },
    });
    if scoring == Scoring::MostAllocated {
        let resources = [json!({ "name": "cpu", "weight": 1 }), json!({ "name": "memory", "weight": 1 })];
        let args = json!({ "scoringStrategy": { "type": "MostAllocated", "resources": resources } });
        let plugin = json!({ "name": "NodeResourcesFit", "args": args });
        config["profiles"] = json!([{ "schedulerName": "default-scheduler", "pluginConfig": [plugin] }]);
    }
    let path = folder.join("scheduler.json");
    fs::write(&path, config.to_string()).unwrap();
    flags("kube-scheduler", [format!("--config={}", path.display()), "--secure-port=0".into()])
}

pub fn kubelets(folder: &Path, ports: &Ports) -> Flags {
    let file = |name: &str| folder.join(name).display().to_string();
    flags(
        "kwok",
        [
            format!("--kubeconfig={}", file("kubelets")),
            format!("--config={}", file("stages.yaml")),
            format!("--manage-nodes-with-annotation-selector={FAKE}"),
            "--node-ip=127.0.0.1".into(),
            format!("--node-port={}", ports.kubelets),
            format!("--server-address=127.0.0.1:{}", ports.kubelets),
            format!("--tls-cert-file={}", file("serving.crt")),
            format!("--tls-private-key-file={}", file("serving.key")),
            "--node-lease-duration-seconds=40".into(),
        ],
    )
}

/// Annotation of nodes that a simulated kubelet runs.
pub const FAKE: &str = "kwok.x-k8s.io/node=fake";

pub fn metrics(folder: &Path, ports: &Ports) -> Flags {
    let file = |name: &str| folder.join(name).display().to_string();
    flags(
        "metrics-server",
        [
            format!("--kubeconfig={}", file("admin")),
            format!("--authentication-kubeconfig={}", file("admin")),
            format!("--authorization-kubeconfig={}", file("admin")),
            "--bind-address=127.0.0.1".into(),
            format!("--secure-port={}", ports.metrics),
            format!("--tls-cert-file={}", file("serving.crt")),
            format!("--tls-private-key-file={}", file("serving.key")),
            format!("--kubelet-certificate-authority={}", file("ca.crt")),
            "--kubelet-use-node-status-port".into(),
            "--kubelet-preferred-address-types=InternalIP".into(),
            "--metric-resolution=10s".into(),
            "--kubelet-request-timeout=5s".into(),
        ],
    )
}
