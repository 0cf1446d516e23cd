//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use crate::audit::AuditCommand;
use crate::bundle::Bundle;
use crate::doctor::Doctor;
use crate::graph::Graph;
use crate::login::Login;
use crate::node::NodeCommand;
use crate::operator::OperatorCommand;
use crate::peers::Peers;
use crate::security_key::SecurityKeyCommand;
use crate::status::StatusArgs;
use crate::ticket::TicketCommand;
use crate::token::TokenCommand;
use crate::top::Top;

const AFTER: &str = "\
Exit codes:
  0  done
  1  refused, or failed; with status --check, also: something is wrong
  2  the command line is wrong
  3  not done in time
  4  not logged in, or the cluster-manager or node-manager cannot be reached

Logins are kept in $WGCNI_HOME, else $XDG_CONFIG_HOME/wgcni, else ~/.config/wgcni. Without a
login, root on the cluster-manager's own machine is let in over its socket.";

/// Administers Wireguard CNI clusters, and shows what they do
#[derive(Debug, Parser)]
#[command(name = "wgcni", version, after_help = AFTER, propagate_version = true)]
#[command(infer_subcommands = false, disable_help_subcommand = true)]
pub struct Cli {
    /// How the cluster is reached.
    #[command(flatten)]
    pub(crate) reach: ReachArgs,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How the cluster is reached, and what is printed
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ReachArgs {
    /// Print JSON, for programs
    #[arg(long, global = true)]
    pub json: bool,
    /// Use the login of the cluster whose id begins so, instead of the newest login
    #[arg(long, global = true, value_name = "ID-PREFIX", conflicts_with_all = ["socket", "local"])]
    pub cluster: Option<String>,
    /// Use the cluster-manager's socket at PATH, as root
    #[arg(long, global = true, value_name = "PATH")]
    pub socket: Option<PathBuf>,
    /// Use the cluster-manager's socket at its usual place, also when logged in
    #[arg(long, global = true)]
    pub local: bool,
    /// Use the node-manager's socket at PATH instead of its usual place
    #[arg(long, global = true, value_name = "PATH")]
    pub node_socket: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Log in to a cluster with a join string
    Login(Login),
    /// Forget a login on this machine
    Logout,
    /// Show who you are to the cluster
    Whoami,
    /// Let nodes and operators join with tickets
    #[command(subcommand)]
    Ticket(TicketCommand),
    /// The cluster's security key of the day, with which nodes join
    #[command(subcommand)]
    SecurityKey(SecurityKeyCommand),
    /// Tokens with which programs read the security key over REST
    #[command(subcommand)]
    Token(TokenCommand),
    /// Nodes
    #[command(subcommand)]
    Node(NodeCommand),
    /// Operators
    #[command(subcommand)]
    Operator(OperatorCommand),
    /// The audit log
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Look at this machine and say what is wrong, and what to do
    Doctor(Doctor),
    /// Put what somebody else needs to see of this machine into one file, without secrets
    SupportBundle(Bundle),
    /// Show how the cluster and this node are, what is wrong first
    Status(StatusArgs),
    /// List nodes: how they are, what is wrong with each
    Nodes,
    /// List the containers of this node, and what passed to and from each
    Attachments,
    /// List the other nodes as this one sees them, and what passed to and from each
    Peers(Peers),
    /// Show what passes through this node now
    Top(Top),
    /// Draw the nodes and what passes between them
    Graph(Graph),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_documents_exit_codes_and_that_arguments_are_visible() {
        let help = Cli::command().render_long_help().to_string();
        for line in ["0  done", "1  refused", "2  the command", "3  not done", "4  not logged"] {
            assert!(help.contains(line), "{line} in {help}");
        }
        let mut command = Cli::command();
        let login = command.find_subcommand_mut("login").unwrap();
        let login = login.render_long_help().to_string();
        assert!(login.contains("every user of this machine"), "{login}");
    }

    #[test]
    fn wrong_values_are_usage_errors() {
        for line in [
            "wgcni",
            "wgcni node add --name UPPER --pubkey AAAA",
            "wgcni node add --name ash --pubkey AAAA",
            "wgcni ticket create --valid 5x",
            "wgcni ticket create --uses 2 --name ash",
            "wgcni ticket create --source 10.0.0.1/8",
            "wgcni ticket revoke XYZ",
            "wgcni node revoke ash --timeout 1m",
            "wgcni --cluster ab --local status",
            "wgcni completions notashell",
            "wgcni doctor --probe few",
            "wgcni support-bundle --list --force",
        ] {
            assert!(Cli::try_parse_from(line.split(' ')).is_err(), "{line}");
        }
        for line in [
            "wgcni node revoke ash --wait --timeout 1m --json",
            "wgcni ticket create --operator --name ann --valid 30d",
            "wgcni login -",
            "wgcni doctor --json --config /c --node-socket /s --cni-bin /a --cni-bin /b",
            "wgcni support-bundle -o /b --force",
            "wgcni login",
            "wgcni audit tail --follow -n 5",
        ] {
            Cli::try_parse_from(line.split(' ')).unwrap();
        }
    }
}
