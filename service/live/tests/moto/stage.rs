//! An AWS to ask, ours or theirs.

use std::time::{Duration, Instant};

use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use plimsoll_props::aws::moto::Moto;
use plimsoll_props::aws::{FakeAws, Shortage};

use crate::{Kept, wire};

pub const ZONES: [&str; 2] = ["us-east-1a", "us-east-1b"];
pub const CLUSTER: &str = "prod";
/// Type of the machines of the group that is there.
pub const TYPE: &str = "m7i.xlarge";
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(20);

pub struct Stage {
    pub eks: aws_sdk_eks::Client,
    pub ec2: aws_sdk_ec2::Client,
    pub scaling: aws_sdk_autoscaling::Client,
    pub sqs: aws_sdk_sqs::Client,
    pub pricing: aws_sdk_pricing::Client,
    /// An Auto Scaling group of two machines in the first zone, which has never less than one.
    pub group: &'static str,
    /// In the first zone.
    pub subnet: String,
    pub queue: String,
    pub role: String,
    server: Server,
}

enum Server {
    Ours(FakeAws),
    Theirs(Moto),
}

impl Stage {
    pub async fn of_ours(fake: FakeAws) -> Self {
        fake.found_group("others", ZONES[0], TYPE, 2);
        let (url, queue) = (fake.url().to_owned(), format!("{}/123456789012/plimsoll-notices", fake.url()));
        Self::at(&url, "eks-others", queue, Server::Ours(fake)).await
    }

    pub async fn of_moto(moto: Moto) -> Self {
        let place = moto.place().clone();
        Self::at(&place.url, "others", place.queue, Server::Theirs(moto)).await
    }

    async fn at(url: &str, group: &'static str, queue: String, server: Server) -> Self {
        // A refusal is the answer here.
        let config = wire::config(url).await.into_builder().retry_config(RetryConfig::disabled()).build();
        let eks = aws_sdk_eks::Client::new(&config);
        let ec2 = aws_sdk_ec2::Client::new(&config);
        let network = eks.describe_cluster().name(CLUSTER).send().await.unwrap().cluster.unwrap();
        let subnets = network.resources_vpc_config.unwrap().subnet_ids;
        let subnets = ec2.describe_subnets().set_subnet_ids(subnets).send().await.unwrap().subnets.unwrap();
        let first = subnets.into_iter().find(|subnet| subnet.availability_zone() == Some(ZONES[0]));
        Self {
            eks,
            ec2,
            scaling: aws_sdk_autoscaling::Client::new(&config),
            sqs: aws_sdk_sqs::Client::new(&config),
            pricing: aws_sdk_pricing::Client::new(&config),
            group,
            subnet: first.unwrap().subnet_id.unwrap(),
            queue,
            role: "arn:aws:iam::123456789012:role/nodes".into(),
            server,
        }
    }

    /// Has no more machines of the group's type, if such a thing can be had.
    pub fn shortage(&self) {
        if let Server::Ours(fake) = &self.server {
            fake.shortage(Shortage { instance_type: TYPE.into(), zone: ZONES[0].into() });
        }
    }

    /// Puts a message into the queue.
    pub async fn tell(&self, message: &str) {
        match &self.server {
            Server::Ours(fake) => fake.tell(message),
            Server::Theirs(_) => {
                let sent = self.sqs.send_message().queue_url(&self.queue).message_body(message).send().await;
                sent.map(drop).unwrap();
            }
        }
    }

    pub fn faults_on_the_wire(&self) -> Option<String> {
        match &self.server {
            Server::Ours(fake) => fake.faults_on_the_wire(),
            Server::Theirs(_) => None,
        }
    }
}

/// Words for what a call came to that should have gone well.
pub fn well<T, E: std::fmt::Debug>(answer: Result<T, E>) -> Result<T, String> {
    answer.map_err(|error| format!("{error:?}"))
}

pub fn expect(so: bool, seen: impl FnOnce() -> String) -> Kept {
    if so { Ok(()) } else { Err(seen()) }
}

/// A refusal with that code.
pub fn refused<T, E: ProvideErrorMetadata>(answer: Result<T, E>, code: &str) -> Kept {
    match answer {
        Ok(_) => Err("it is taken".into()),
        Err(error) => expect(error.code() == Some(code), || format!("code {:?}, not {code}", error.code())),
    }
}

/// Looks until something is so.
pub async fn until(what: &str, so: impl AsyncFn() -> Result<bool, String>) -> Kept {
    let begun = Instant::now();
    while !so().await? {
        expect(begun.elapsed() < PATIENCE, || format!("{what}: not in {PATIENCE:?}"))?;
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}
