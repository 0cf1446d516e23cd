//! `cluster-manager init`, and what `serve` says of keys that it cannot use.

#![allow(clippy::unwrap_used, missing_docs)]

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use wgcni_api::admin_v1::{ListMembersRequest, StatusRequest};
use wgcni_api::client::ClusterManager;
use wgcni_api::identity_v1::Role;
use wgcni_channel::client::{Joiner, Session, join};
use wgcni_identity::{JoinCredential, JoinString};

const PROGRAM: &str = env!("CARGO_BIN_EXE_cluster-manager");
const DEADLINE: Duration = Duration::from_secs(30);

struct Home {
    dir: tempfile::TempDir,
    /// Where joiners are served: a join string that is printed before must name it.
    join: u16,
}

impl Home {
    fn new() -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        Self { dir: tempfile::tempdir().unwrap(), join: free.local_addr().unwrap().port() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, verb: &str) -> Command {
        let mut command = Command::new(PROGRAM);
        command.arg("--config").arg(self.path("config.toml")).arg(verb).stdin(Stdio::null());
        command
    }

    fn init(&self, args: &[&str]) -> Output {
        let mut command = self.command("init");
        command.arg("--state-dir").arg(self.path("state"));
        command.arg("--socket").arg(self.path("run/cm.sock"));
        command.arg("--whitelist-dir").arg(self.path("keys"));
        command.args(["--listen", "127.0.0.1:0"]);
        command.args(["--join-listen", &format!("127.0.0.1:{}", self.join)]);
        command.args(args).output().unwrap()
    }

    fn made() -> (Self, JoinString) {
        let home = Self::new();
        let output = home.init(&[]);
        assert!(output.status.success(), "{}", errors(&output));
        let join = String::from_utf8(output.stdout).unwrap();
        (home, join.trim_end().parse().unwrap())
    }

    fn serve(&self) -> Serving {
        let mut child = self.command("serve").stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let begun: Vec<_> = lines
            .by_ref()
            .map_while(Result::ok)
            .take_while(|line| !line.contains("serving"))
            .collect();
        // Somebody must read on, or the program would wait for it.
        std::thread::spawn(move || lines.for_each(drop));
        Serving { child, begun: begun.join("\n") }
    }

    fn refused(&self) -> String {
        let output = self.command("serve").output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", errors(&output));
        errors(&output)
    }
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Killed when dropped.
struct Serving {
    child: Child,
    begun: String,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The configuration is not of root alone; what keeps a join string from others must not make
/// it so, and the first daemon of a machine makes the directories above it.
#[test]
fn what_the_daemon_reads_is_open_to_its_user_whatever_the_umask() {
    let home = Home::new();
    let mut command = Command::new("sh");
    command.args(["-c", "umask 077; exec \"$0\" \"$@\"", PROGRAM]);
    command.arg("--config").arg(home.path("etc/wgcni/config.toml")).arg("init");
    command.arg("--state-dir").arg(home.path("state"));
    command.arg("--socket").arg(home.path("run/cm.sock"));
    command.arg("--whitelist-dir").arg(home.path("etc/wgcni/keys"));
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}", errors(&output));
    for (name, expected) in
        [("etc", 0o755), ("etc/wgcni", 0o755), ("etc/wgcni/keys", 0o755), ("state", 0o700)]
    {
        let mode = fs::metadata(home.path(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, expected, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_string_is_printed_and_makes_the_first_operator() {
    let (home, string) = Home::made();
    assert!(matches!(string.credential, JoinCredential::Ticket(..)));
    assert_eq!(string.addresses, [format!("127.0.0.1:{}", home.join)]);
    let serving = home.serve();
    assert!(!serving.begun.contains("INSECURE"), "{}", serving.begun);
    let ann = "ann".parse().unwrap();
    let joiner = Joiner {
        join: &string,
        name: &ann,
        mesh_key: None,
        held: Vec::new(),
        known: false,
        control_key: None,
    };
    let member = join(joiner).await.unwrap().member;
    let client = Session::new(member, None).cluster_manager(DEADLINE);
    let status = client.admin.status(StatusRequest::default()).await.unwrap().into_owned();
    assert_eq!((status.operators, status.insecure_plaintext), (1, false));
    assert!(status.alarms.is_empty(), "{:?}", status.alarms);
    // Root needs no ticket.
    let root = ClusterManager::unix(&home.path("run/cm.sock"), DEADLINE);
    let members =
        root.admin.list_members(ListMembersRequest::default()).await.unwrap().into_owned().members;
    assert_eq!(members[0].role.as_known(), Some(Role::ROLE_OPERATOR));
}

#[test]
fn what_root_makes_belongs_to_the_owner_of_the_state_directory() {
    let home = Home::new();
    let state = home.path("state");
    fs::create_dir(&state).unwrap();
    fs::set_permissions(&state, Permissions::from_mode(0o700)).unwrap();
    chown(&state, Some(65534), Some(65534)).unwrap();
    // Only what root made: not what its owner pointed to, nor another's file.
    let (foreign, linked) = (home.path("foreign"), home.path("linked"));
    for path in [&foreign, &linked] {
        fs::write(path, "").unwrap();
    }
    symlink(&foreign, state.join("symlink")).unwrap();
    fs::hard_link(&linked, state.join("link")).unwrap();
    for args in [&[][..], &["--force"][..]] {
        let output = home.init(args);
        assert!(output.status.success(), "{}", errors(&output));
        let owner = |path: PathBuf| fs::symlink_metadata(path).unwrap().uid();
        for name in ["ca.key", "ca.crt", "security.key", "store"] {
            assert_eq!(owner(state.join(name)), 65534, "{name}");
        }
        let records = walk(state.join("store"));
        assert!(records.len() > 1, "{records:?}");
        for path in records {
            assert_eq!(owner(path.clone()), 65534, "{}", path.display());
        }
        assert_eq!((owner(foreign.clone()), owner(linked.clone())), (0, 0));
        assert_eq!(owner(home.path("config.toml")), 0);
    }
}

#[test]
fn keys_and_records_are_for_root_alone_and_secrets_are_nowhere_else() {
    let (home, string) = Home::made();
    let state = home.path("state");
    let mode = |path: &PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&state), 0o700);
    for name in ["ca.key", "ca.crt", "security.key"] {
        assert_eq!(mode(&state.join(name)), 0o600, "{name}");
    }
    // It has no secret, and the daemon that reads it need not be root.
    assert_eq!(mode(&home.path("config.toml")), 0o644);
    let JoinCredential::Ticket(_, secret) = &string.credential else { panic!("no ticket") };
    let texts = [secret.to_text().to_string(), string.to_text().to_string()];
    for entry in walk(home.dir.path().to_owned()) {
        let bytes = fs::read(&entry).unwrap();
        let held = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
        assert!(!held(secret.as_bytes()), "{}", entry.display());
        assert!(!texts.iter().any(|text| held(text.as_bytes())), "{}", entry.display());
    }
}

fn walk(dir: PathBuf) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(path) } else { vec![path] }).collect()
}

#[test]
fn a_cluster_is_made_once_unless_forced() {
    let (home, first) = Home::made();
    let files = || {
        ["config.toml", "state/ca.key", "state/security.key"]
            .map(|f| fs::read(home.path(f)).unwrap())
    };
    let before = files();
    let again = home.init(&[]);
    assert!(!again.status.success() && again.stdout.is_empty());
    let error = errors(&again);
    assert!(error.contains("ca.key exists") && error.contains("--force"), "{error}");
    assert_eq!(files(), before);
    let forced = home.init(&["--force"]);
    assert!(forced.status.success(), "{}", errors(&forced));
    let second: JoinString = String::from_utf8(forced.stdout).unwrap().trim().parse().unwrap();
    assert!(second.cluster != first.cluster && second.ca != first.ca);
    home.serve();
}

#[test]
fn a_complete_file_is_taken_as_it_is_and_a_cluster_in_use_is_not_replaced() {
    let home = Home::new();
    let id = "0123456789abcdef0123456789abcdef";
    let file = format!(
        "cluster_id = \"{id}\"\nprefix_v4 = \"10.80.0.0/16\"\nadvertise = [\"cm.example.net\"]\n"
    );
    fs::write(home.path("config.toml"), file).unwrap();
    let output = home.init(&["--non-interactive"]);
    assert!(output.status.success(), "{}", errors(&output));
    let string: JoinString = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
    assert_eq!(string.cluster.as_str(), id);
    assert_eq!(string.addresses, [format!("cm.example.net:{}", home.join)]);
    let text = fs::read_to_string(home.path("config.toml")).unwrap();
    assert!(text.contains("prefix_v4 = \"10.80.0.0/16\"") && text.contains("prefix_v6"), "{text}");
    let _serving = home.serve();
    let error = errors(&home.init(&["--force"]));
    assert!(error.contains("in use by another process"), "{error}");
}

#[test]
fn files_that_cannot_be_used_stop_the_start_and_are_named() {
    let (home, _) = Home::made();
    let file = |name: &str| home.path("state").join(name);
    let allow =
        |name: &str, mode| fs::set_permissions(file(name), Permissions::from_mode(mode)).unwrap();
    for name in ["ca.key", "security.key"] {
        allow(name, 0o644);
        let error = home.refused();
        assert!(error.contains(&format!("{name} has mode 0644")), "{error}");
        allow(name, 0o600);
    }
    for name in ["ca.key", "ca.crt", "security.key"] {
        let whole = fs::read(file(name)).unwrap();
        fs::write(file(name), &whole[..whole.len() / 2]).unwrap();
        assert!(home.refused().contains(&format!("{name} is damaged")));
        fs::remove_file(file(name)).unwrap();
        let error = home.refused();
        assert!(error.contains(&format!("{name} is missing")), "{error}");
        assert!(!file(name).exists(), "nothing is made again");
        fs::write(file(name), whole).unwrap();
        allow(name, 0o600);
    }
    fs::set_permissions(home.path("state"), Permissions::from_mode(0o750)).unwrap();
    assert!(home.refused().contains("mode 0750"));
    fs::set_permissions(home.path("state"), Permissions::from_mode(0o700)).unwrap();
    home.serve();
}

#[test]
fn plaintext_has_no_keys_and_prints_nothing_to_join_with() {
    let home = Home::new();
    let output = home.init(&["--insecure-plaintext"]);
    assert!(output.status.success() && output.stdout.is_empty());
    assert!(errors(&output).contains("INSECURE"));
    assert!(!home.path("state/ca.key").exists());
    let serving = home.serve();
    assert!(serving.begun.contains("INSECURE"), "{}", serving.begun);
    drop(serving);
    // The way to safety: the same cluster, with keys.
    let output = home.init(&["--insecure-plaintext=false"]);
    assert!(output.status.success(), "{}", errors(&output));
    assert!(!home.serve().begun.contains("INSECURE"));
}
