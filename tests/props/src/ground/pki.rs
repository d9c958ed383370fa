//! Keys, certificates and tokens of a control plane.

use std::fs;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use serde_json::json;

/// Names by which parts are asked for.
const NAMES: [&str; 4] =
    ["127.0.0.1", "localhost", "kubernetes.default.svc", "metrics-server.kube-system.svc"];

/// Who may ask, as whom, and in which group.
const USERS: [(&str, &str, &str); 4] = [
    ("admin", "admin", "system:masters"),
    ("controllers", "system:kube-controller-manager", ""),
    ("scheduler", "system:kube-scheduler", ""),
    ("kubelets", "kubelets", "system:masters"),
];

/// A user's token. No secret: it opens a server on loopback that lives as long as a test.
pub fn token(user: &str) -> String {
    format!("ground-{user}")
}

/// Writes `{ca,serving,proxy}.{key,crt}`, `accounts.{key,pub}` and `tokens.csv`.
pub fn write(folder: &Path) {
    let write = |name: &str, text: String| fs::write(folder.join(name), text).unwrap();
    let key = KeyPair::generate().unwrap();
    write("ca.key", key.serialize_pem());
    let mut params = CertificateParams::new(vec!["ground".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    write("ca.crt", params.self_signed(&key).unwrap().pem());
    let issuer = Issuer::new(params, key);
    for (name, usage) in
        [("serving", ExtendedKeyUsagePurpose::ServerAuth), ("proxy", ExtendedKeyUsagePurpose::ClientAuth)]
    {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(NAMES.map(str::to_owned)).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![usage];
        write(&format!("{name}.key"), key.serialize_pem());
        write(&format!("{name}.crt"), params.signed_by(&key, &issuer).unwrap().pem());
    }
    let accounts = KeyPair::generate().unwrap();
    write("accounts.key", accounts.serialize_pem());
    write("accounts.pub", accounts.public_key_pem());
    let line = |(name, user, group): &(&str, &str, &str)| format!("{},{user},{name},{group}\n", token(name));
    write("tokens.csv", USERS.iter().map(line).collect());
}

/// A kubeconfig, as JSON.
pub fn kubeconfig(url: &str, folder: &Path, token: &str) -> String {
    let authority = folder.join("ca.crt");
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": "ground", "cluster": { "server": url, "certificate-authority": authority } }],
        "users": [{ "name": "user", "user": { "token": token } }],
        "contexts": [{ "name": "ground", "context": { "cluster": "ground", "user": "user" } }],
        "current-context": "ground",
    })
    .to_string()
}
