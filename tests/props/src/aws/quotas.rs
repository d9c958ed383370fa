//! Service Quotas: JSON in, JSON out. What every account has, and what was granted to this one.

use serde_json::{Value, json};

use super::state::{State, Words};
use super::{Answer, Request};

const JSON: &str = "application/x-amz-json-1.1";
/// Quotas of one page: few, so that pages are read.
const PAGE: usize = 4;
/// Service, code, name and default of quotas, as Service Quotas lists them; defaults of virtual CPUs are those of an account
/// that has been used for a while.
const QUOTAS: [(&str, &str, &str, f64); 13] = [
    ("ec2", "L-1216C47A", "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", 4608.0),
    ("ec2", "L-34B43A08", "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests", 4608.0),
    ("ec2", "L-DB2E81BA", "Running On-Demand G and VT instances", 768.0),
    ("ec2", "L-3819A6DF", "All G and VT Spot Instance Requests", 768.0),
    ("ec2", "L-417A185B", "Running On-Demand P instances", 384.0),
    ("ec2", "L-43DA4232", "Running On-Demand High Memory instances", 0.0),
    ("ec2", "L-0263D0A3", "EC2-VPC Elastic IPs", 5.0),
    ("ec2", "L-7029FAB6", "Running Dedicated m5 Hosts", 2.0),
    ("eks", "L-1194D53C", "Clusters", 100.0),
    ("eks", "L-6D54EA21", "Managed node groups per cluster", 30.0),
    ("eks", "L-BD136A63", "Nodes per managed node group", 450.0),
    ("vpc", "L-F678F1CE", "VPCs per Region", 5.0),
    ("vpc", "L-DF5E4CA3", "Network interfaces per Region", 5000.0),
];

pub fn answer(state: &mut State, request: &Request) -> Answer {
    state.refused(&format!("servicequotas:{}", request.action))?;
    let is_granted = match request.action.as_str() {
        "ListServiceQuotas" => true,
        "ListAWSDefaultServiceQuotas" => false,
        other => {
            return Err(Words::new(
                400,
                "UnknownOperationException",
                format!("{other} is not answered here"),
            ));
        }
    };
    let service = request.body["ServiceCode"].as_str().unwrap_or_default();
    let its: Vec<Value> = QUOTAS
        .into_iter()
        .filter(|(of, ..)| *of == service)
        .filter_map(|(of, code, name, default)| {
            let granted = state.granted.get(code).copied();
            // Of EC2 every quota has a value of the account.
            let value = if is_granted { granted.or((of == "ec2").then_some(default))? } else { default };
            Some(shown(of, code, name, value))
        })
        .collect();
    let from: usize = request.body["NextToken"].as_str().and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut answer = json!({ "Quotas": its.iter().skip(from).take(PAGE).collect::<Vec<_>>() });
    if from + PAGE < its.len() {
        answer["NextToken"] = (from + PAGE).to_string().into();
    }
    Ok((JSON, answer.to_string()))
}

fn shown(service: &str, code: &str, name: &str, value: f64) -> Value {
    json!({
        "ServiceCode": service,
        "ServiceName": format!("Amazon {}", service.to_uppercase()),
        "QuotaArn": format!("arn:aws:servicequotas:us-east-1:123456789012:{service}/{code}"),
        "QuotaCode": code,
        "QuotaName": name,
        "Value": value,
        "Unit": "None",
        "Adjustable": true,
        "GlobalQuota": false,
    })
}
