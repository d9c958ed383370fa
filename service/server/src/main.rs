//! `plimsolld`: the service as a process.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use plimsoll_server::config::{self, Settings, Sources};
use plimsoll_server::{Running, serve, telemetry};
use tokio::signal::unix::{SignalKind, signal};

/// The system's allocator keeps what each of many threads once freed: a server that runs for weeks grows by it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Exit code of wrong flags and settings, as clap's own.
const USAGE: u8 = 2;

/// Plan, prove and explain the capacity of EKS clusters
///
/// Serves gRPC on 127.0.0.1:7400 and metrics on 127.0.0.1:9464 unless told otherwise. Exits 0 after SIGTERM or
/// Ctrl-C, 1 if it failed, 2 if a flag or a setting is wrong.
#[derive(Debug, Parser)]
#[command(name = "plimsolld", version)]
struct Args {
    /// Settings file; without it PLIMSOLL_CONFIG, else ./plimsoll.toml, else the defaults
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// One setting, such as listen.grpc=127.0.0.1:0; may be repeated, and beats file and environment
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Print the settings in force and exit
    #[arg(long, global = true)]
    check_config: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Clone, Copy, Debug, Default, Subcommand)]
enum Command {
    /// Serve until told to stop; the default
    #[default]
    Serve,
    /// Serve an example cluster, atlas, out of memory; nothing is kept
    Demo,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let sources = Sources { file: args.config, environment: environment(), flags: args.set };
    let (settings, file) = match config::load(&sources) {
        Ok(loaded) => loaded,
        Err(error) => return fail(&error.into(), USAGE),
    };
    let done = if args.check_config {
        print_settings(&settings, file)
    } else {
        match args.command.unwrap_or_default() {
            Command::Serve => run(&settings, false),
            Command::Demo => run(&for_demo(settings), true),
        }
    };
    done.map_or_else(|error| fail(&error, 1), |()| ExitCode::SUCCESS)
}

/// Prints the chain of causes, once.
fn fail(error: &anyhow::Error, code: u8) -> ExitCode {
    // Nobody is left to be told that stderr is closed.
    let _ = writeln!(std::io::stderr(), "plimsolld: {error:#}");
    ExitCode::from(code)
}

/// Variables whose names or values are no text are none of ours.
fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

fn print_settings(settings: &Settings, file: Option<PathBuf>) -> anyhow::Result<()> {
    let from = file.map_or_else(|| "defaults".to_owned(), |file| file.display().to_string());
    let text = toml::to_string(settings).context("settings cannot be printed")?;
    write!(std::io::stdout(), "# from {from}, environment and flags\n{text}")?;
    Ok(())
}

/// Nothing is kept, and the world has weather.
fn for_demo(settings: Settings) -> Settings {
    let store = config::Store { path: config::Store::MEMORY.to_owned() };
    Settings { store, simulator: settings.simulator.clone().in_real_weather(), ..settings }
}

fn run(settings: &Settings, with_example: bool) -> anyhow::Result<()> {
    telemetry::init(&settings.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut running = serve(settings).await?;
        if with_example {
            running.load_example().await?;
        }
        announce(&running)?;
        tokio::select! {
            _ = terminate.recv() => {}
            interrupted = tokio::signal::ctrl_c() => interrupted?,
            failure = running.failure() => return Err(failure.into()),
        }
        running.shut_down().await;
        Ok(())
    })
}

/// One line per address on stdout, for scripts that asked for port 0.
fn announce(running: &Running) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "grpc {}", running.grpc_address())?;
    if let Some(address) = running.metrics_address() {
        writeln!(out, "metrics {address}")?;
    }
    out.flush()
}
