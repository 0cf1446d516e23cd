//! `wgcni`, the operator's tool.
//!
//! Owns: commands, what people and programs see of a cluster and of a node, and an
//! operator's logins on this machine. All that it knows comes over the API, all that it
//! changes goes there: it never opens a store and touches no kernel. `doctor` and
//! `support-bundle` look at this machine by themselves, and change nothing.
//!
//! ```text
//! arguments -> Reach (socket, or a login) -> AdminService, ViewService -+-> table or JSON
//!           -> Nearby (node-manager's socket) -------------------------+   on stdout
//! ```
//! One file for each noun.

mod args;
mod attachments;
mod audit;
mod bundle;
mod doctor;
mod failure;
mod graph;
mod home;
mod login;
mod member;
mod nearby;
mod node;
mod nodes;
mod operator;
mod out;
mod peers;
mod reach;
mod security_key;
mod status;
mod table;
mod ticket;
mod times;
mod token;
mod told;
mod top;
mod units;
mod wait;

pub use args::Cli;
pub use failure::Failure;

use args::Command;
use clap::CommandFactory;
use home::Home;
use nearby::Nearby;
use out::Out;
use reach::Reach;

/// Runs one command.
///
/// # Errors
/// What to say, and the exit code.
pub async fn run(cli: Cli) -> Result<(), Failure> {
    let mut out = Out::new(cli.reach.json, times::now());
    let at = &cli.reach;
    match cli.command {
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "wgcni", &mut text);
            out.bytes(&text)
        }
        Command::Login(login) => login::login(login, &Home::find()?, &mut out).await,
        Command::Logout => login::logout(at, &Home::find()?, &mut out),
        Command::Whoami => login::whoami(&Reach::new(at).await?, &mut out).await,
        Command::Ticket(command) => command.run(&Reach::new(at).await?, &mut out).await,
        Command::SecurityKey(command) => command.run(&Reach::new(at).await?, &mut out).await,
        Command::Token(command) => command.run(&Reach::new(at).await?, &mut out).await,
        Command::Node(command) => command.run(&Reach::new(at).await?, &mut out).await,
        Command::Operator(command) => command.run(&Reach::new(at).await?, &mut out).await,
        Command::Audit(command) => command.run(&Reach::new(at).await?, &mut out).await,
        Command::Doctor(doctor) => doctor.run(at, &mut out).await,
        Command::SupportBundle(bundle) => bundle.run(at, &mut out).await,
        Command::Status(status) => status.run(at, &mut out).await,
        Command::Nodes => nodes::nodes(&Reach::new(at).await?, &mut out).await,
        Command::Attachments => attachments::attachments(&Nearby::new(at), &mut out).await,
        Command::Peers(peers) => peers.run(at, &mut out).await,
        Command::Top(top) => top.run(Nearby::new(at), &mut out).await,
        Command::Graph(graph) => graph.run(at, &mut out).await,
    }
}
