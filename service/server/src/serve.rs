//! Starts the service and ends it.

mod bind;
mod example;
mod ledger;
mod metrics_page;
mod task_health;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use plimsoll_domain::clock::Clock;
use plimsoll_domain::ledger::LedgerError;
use plimsoll_domain::store::StoreError;
use plimsoll_engine::Engine;
use plimsoll_engine::tasks::{self, Supervisor};
use plimsoll_sim::{Demand, Origin, Pace, Sim, Weather};
use plimsoll_store::Sqlite;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic_health::server::{HealthReporter, health_reporter};
use tonic_web::GrpcWebLayer;
use tracing::{info, warn};

use crate::api::{Api, method_names, spool::Spool};
use crate::clock::SystemClock;
use crate::config::{self, Settings};
use crate::limits::{KEEPALIVE, REQUEST_TIME_MAX, STREAMS_PER_CONNECTION_MAX};
use crate::metrics;
use crate::stack::AccessLayer;

pub use bind::BindError;

/// After requests were cancelled, the time they have to end: a planning looks at its flag about once a second.
const CANCEL_TIME: Duration = Duration::from_secs(3);

/// Why the service does not run. The message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting is out of range.
    #[error("{key}: {message}")]
    Settings {
        /// Which.
        key: &'static str,
        /// What is expected.
        message: String,
    },
    /// An address cannot be listened on.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The database cannot be opened.
    #[error("store.path: {path} cannot be used as the database")]
    Store {
        /// Its file.
        path: String,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// Uploads cannot be kept.
    #[error("import.spool_dir: no file can be made in {}", .dir.display())]
    Spool {
        /// The folder.
        dir: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The simulated world cannot be made again.
    #[error("the simulated world cannot be opened: move {} away to begin with an empty one", .path.display())]
    Simulator {
        /// Its file.
        path: PathBuf,
        /// Why.
        #[source]
        source: plimsoll_sim::OpenError,
    },
    /// Costs cannot be written down.
    #[error("ledger.url: {url} cannot be used")]
    Ledger {
        /// Where.
        url: String,
        /// Why.
        #[source]
        source: LedgerError,
    },
    /// Operations that were under way cannot be read.
    #[error("operations that were under way cannot be taken up")]
    Resume(#[source] Box<plimsoll_engine::Error>),
    /// Metrics cannot be offered.
    #[error("listen.metrics")]
    Metrics(#[from] metrics::Error),
    /// The descriptor set is broken: a bug of the build.
    #[error("reflection cannot be offered")]
    Reflection(#[source] Box<Status>),
    /// The example cluster cannot be loaded.
    #[error("the example cluster cannot be loaded")]
    Example(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The listener ended by itself.
    #[error("the server ended")]
    Ended(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A service that runs. Dropped, it stops at once; see [`Running::shut_down`] for the polite way.
pub struct Running {
    grpc_address: SocketAddr,
    metrics_address: Option<SocketAddr>,
    engine: Engine,
    clock: Arc<dyn Clock>,
    drain_time: Duration,
    draining: CancellationToken,
    stopping: CancellationToken,
    health: HealthReporter,
    tasks: Option<Supervisor>,
    store: Sqlite,
    simulator: Arc<Sim>,
    /// Kept until the end: the folder of a ledger that goes with the process.
    _ledger_folder: Option<TempDir>,
    grpc: JoinHandle<Result<(), tonic::transport::Error>>,
}

/// Starts the service. When this returns, it accepts requests.
///
/// # Errors
/// See [`Error`]. Nothing runs then.
pub async fn serve(settings: &Settings) -> Result<Running, Error> {
    if let Some((key, message)) = settings.first_fault() {
        return Err(Error::Settings { key, message });
    }
    let grpc = bind::bind("listen.grpc", settings.listen.grpc).await?;
    let page = match settings.listen.metrics {
        Some(address) => Some((bind::bind("listen.metrics", address).await?, metrics::exporter()?)),
        None => None,
    };
    let spool = spool(&settings.import)?;
    let store = open(&settings.store).await?;

    let (draining, stopping) = (CancellationToken::new(), CancellationToken::new());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let simulator = Arc::new(simulator(settings, &*clock)?);
    let engine = Engine::new(Arc::new(store.clone()), Arc::clone(&clock), engine_settings(settings))
        .with_simulator(simulator.clone());
    let engine = match settings.live.enabled {
        true => {
            engine.with_atlas(Arc::new(plimsoll_live::Live::new(settings.live.room(), Arc::clone(&clock))))
        }
        false => engine,
    };
    let (engine, ledger_folder) = ledger::keep(engine, settings)?;
    let resumed = engine.resume_operations().await.map_err(|error| Error::Resume(Box::new(error)))?;
    if 0 < resumed {
        info!(operations = resumed, "operations go on");
    }
    let (engine_here, clock_here) = (engine.clone(), Arc::clone(&clock));
    let api = Api { engine, clock, spool, stopping: stopping.clone() };
    let (health, health_server) = health_reporter();
    let periods = settings.tasks.periods(&settings.keep);
    let tasks = tasks::start(tasks::table(&engine_here, &periods), &clock_here);
    tokio::spawn(task_health::tell(tasks.health(), health.clone(), stopping.clone()));
    let routes = api.routes(&health).await.map_err(|status| Error::Reflection(Box::new(status)))?;

    let metrics_address = page.as_ref().map(|(listener, _)| listener.address);
    if let Some((listener, exporter)) = page {
        tokio::spawn(metrics_page::serve(listener, exporter, stopping.clone()));
    }
    let grpc_address = grpc.address;
    let server = Server::builder()
        .accept_http1(true)
        .max_concurrent_streams(STREAMS_PER_CONNECTION_MAX)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE))
        .timeout(REQUEST_TIME_MAX)
        .layer(GrpcWebLayer::new())
        .layer(AccessLayer::new(method_names()))
        .add_routes(routes)
        .add_service(health_server)
        .serve_with_incoming_shutdown(
            TcpIncoming::from(grpc.listener).with_nodelay(Some(true)),
            draining.clone().cancelled_owned(),
        );
    info!(grpc = %grpc_address, store = settings.store.path, "serving");
    let drain_time = Duration::from_secs(settings.shutdown.drain_seconds);
    let grpc = tokio::spawn(server);
    Ok(Running {
        grpc_address,
        metrics_address,
        engine: engine_here,
        clock: clock_here,
        drain_time,
        draining,
        stopping,
        health,
        tasks: Some(tasks),
        store,
        simulator,
        _ledger_folder: ledger_folder,
        grpc,
    })
}

/// Starts a service for this process alone: on a free port of loopback, remembering nothing, without metrics.
///
/// # Errors
/// See [`Error`].
pub async fn embedded() -> Result<Running, Error> {
    serve(&alone()).await
}

/// Settings of a service for this process alone.
fn alone() -> Settings {
    let listen = config::Listen { grpc: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), metrics: None };
    let store = config::Store { path: config::Store::MEMORY.to_owned() };
    Settings { listen, store, ..Settings::default() }
}

/// As [`embedded`], with the example cluster [`crate::DEMO_CLUSTER`] in it, in a world with weather.
///
/// # Errors
/// See [`Error`].
pub async fn demo() -> Result<Running, Error> {
    let simulator = config::Simulator::default().in_real_weather();
    let running = serve(&Settings { simulator, ..alone() }).await?;
    running.load_example().await?;
    Ok(running)
}

impl Running {
    /// Where gRPC is served; the real port, also where port 0 was asked for.
    pub fn grpc_address(&self) -> SocketAddr {
        self.grpc_address
    }

    /// Where metrics are read, if anywhere.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics_address
    }

    /// Registers the example cluster [`crate::DEMO_CLUSTER`] and imports it.
    ///
    /// # Errors
    /// [`Error::Example`] if it is there already.
    pub async fn load_example(&self) -> Result<(), Error> {
        example::load(self).await
    }

    /// Has the cloud say that it will take back the spot machines of the example's busiest pool; returns how many.
    ///
    /// # Errors
    /// [`Error::Example`] if the example is not there.
    pub async fn take_spot_back(&self) -> Result<usize, Error> {
        example::take_spot_back(self).await
    }

    /// Lets the simulated world run so many times as fast as time from now on.
    pub fn set_speed(&self, speed: u32) {
        self.simulator.clock().set_pace(Pace::Speed(f64::from(speed)));
    }

    /// Waits until the listener ends by itself, which it should not.
    pub async fn failure(&mut self) -> Error {
        let why: Box<dyn std::error::Error + Send + Sync> = match (&mut self.grpc).await {
            Ok(Ok(())) => "the listener was closed".into(),
            Ok(Err(error)) => error.into(),
            Err(panic) => panic.into(),
        };
        Error::Ended(why)
    }

    /// Takes no more requests, lets those under way end, cancels those that take too long, closes the database.
    pub async fn shut_down(mut self) {
        info!("stopping");
        self.health.set_service_status("", tonic_health::ServingStatus::NotServing).await;
        self.draining.cancel();
        if tokio::time::timeout(self.drain_time, &mut self.grpc).await.is_err() {
            warn!("requests under way are cancelled");
            self.stopping.cancel();
            if tokio::time::timeout(CANCEL_TIME, &mut self.grpc).await.is_err() {
                warn!("connections that do not end are cut");
            }
        }
        self.stopping.cancel();
        if let Some(tasks) = self.tasks.take() {
            tasks.stop().await;
        }
        self.engine.stop_operations().await;
        self.store.close().await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.draining.cancel();
        self.stopping.cancel();
        self.engine.drop_operations();
        self.grpc.abort();
    }
}

async fn open(settings: &config::Store) -> Result<Sqlite, Error> {
    let opened = match settings.path.as_str() {
        config::Store::MEMORY => Sqlite::in_memory().await,
        path => Sqlite::open(Path::new(path)).await,
    };
    opened.map_err(|source| Error::Store { path: settings.path.clone(), source })
}

/// The world of SIMULATED clusters; its file stands beside the database's.
fn simulator(settings: &Settings, clock: &dyn Clock) -> Result<Sim, Error> {
    let config::Simulator { speed, seed, reclaims_factor, prices_walk, pools_end, demand_moves } =
        settings.simulator;
    let demand = if demand_moves { Demand::Seasonal } else { Demand::Still };
    let weather = Weather { reclaims_factor, prices_walk, pools_end };
    let origin = Origin { start: clock.now(), seed, weather };
    let pace = Pace::Speed(f64::from(speed));
    if settings.store.path == config::Store::MEMORY {
        return Ok(Sim::begin(&origin, pace).with_demand(demand));
    }
    let path = PathBuf::from(format!("{}.world", settings.store.path));
    let sim = Sim::open_or_begin(&path, &origin, pace);
    sim.map(|sim| sim.with_demand(demand)).map_err(|source| Error::Simulator { path, source })
}

/// The spool, after a file could be made in its folder.
fn spool(settings: &config::Import) -> Result<Spool, Error> {
    let dir = Some(&settings.spool_dir).filter(|dir| !dir.is_empty()).map(PathBuf::from);
    let place = dir.clone().unwrap_or_else(std::env::temp_dir);
    match tempfile::tempfile_in(&place) {
        Ok(_) => Ok(Spool::new(dir, settings.concurrent_max)),
        Err(source) => Err(Error::Spool { dir: place, source }),
    }
}

fn engine_settings(settings: &Settings) -> plimsoll_engine::Settings {
    let plan = &settings.plan;
    plimsoll_engine::Settings {
        plans_concurrent_max: plan.concurrent_max,
        plans_waiting_max: plan.waiting_max,
        time_budget_default: Duration::from_secs(plan.time_budget_default_seconds),
        time_budget_max: Duration::from_secs(plan.time_budget_max_seconds),
        holder: settings.tasks.holder.clone(),
    }
}
