//! `metrics.k8s.io`, served by metrics-server beside the API server.

use std::fs;
use std::path::Path;

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::json;

/// Its Service. Certificates are for `metrics-server.kube-system.svc`.
const NAME: &str = "metrics-server";
const NAMESPACE: &str = "kube-system";
const API: &str = "v1beta1.metrics.k8s.io";

/// Has the API server ask the one that listens on `port` of this machine.
pub async fn register(client: &Client, folder: &Path, port: u16) -> Result<(), kube::Error> {
    let service = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": { "name": NAME },
        "spec": { "type": "ExternalName", "externalName": "localhost" },
    });
    let authority = k8s_openapi::ByteString(fs::read(folder.join("ca.crt")).unwrap());
    let api = json!({
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": { "name": API },
        "spec": {
            "group": "metrics.k8s.io",
            "version": "v1beta1",
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "service": { "namespace": NAMESPACE, "name": NAME, "port": port },
            "caBundle": authority,
        },
    });
    let params = PatchParams::apply("ground");
    let services: Api<Service> = Api::namespaced(client.clone(), NAMESPACE);
    services.patch(NAME, &params, &Patch::Apply(service)).await?;
    let apis: Api<APIService> = Api::all(client.clone());
    apis.patch(API, &params, &Patch::Apply(api)).await?;
    Ok(())
}
