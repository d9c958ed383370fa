//! Completion scripts.

use std::process::ExitCode;

use clap::CommandFactory;

/// Which shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  plimsoll completions bash > /etc/bash_completion.d/plimsoll")]
pub struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

/// Prints the script to stdout.
pub fn print(args: &Args) -> anyhow::Result<ExitCode> {
    let mut command = crate::Cli::command();
    clap_complete::generate(args.shell, &mut command, "plimsoll", &mut std::io::stdout());
    Ok(ExitCode::SUCCESS)
}
