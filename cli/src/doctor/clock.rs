//! The way to the cluster-manager, and the clock, which certificates depend on.

use std::time::{Duration, SystemTime};

use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use wgcni_api::identity_v1 as wire;
use wgcni_channel::client::{MemberFiles, Session};

use super::finding::{Finding, advice, run};
use super::machine::Machine;
use crate::home::chain;

const REACH: &str = "cluster-manager";
const CLOCK: &str = "clock";

/// How long one address may take, and the call after that.
const CONNECT: Duration = Duration::from_secs(3);
const CALL: Duration = Duration::from_secs(5);

/// How far two clocks may be apart: less than that a slow answer makes.
const APART: i64 = 60;

/// How a node reaches its cluster-manager.
pub(crate) struct Reach {
    /// Each address, and why it cannot be connected to.
    addresses: Vec<(String, Result<(), String>)>,
    /// What came of a call as the node; none when nobody was called.
    answer: Option<Result<(), String>>,
    file: String,
}

/// Calls the cluster-manager as this node, and says what time it is there.
pub(crate) async fn call(machine: &Machine) -> (Reach, Option<SystemTime>) {
    let file = machine.places.config.display().to_string();
    let member = MemberFiles::new(&machine.state_dir.join("member")).load().ok().flatten();
    let configured = machine.config.text("cluster_manager").map(|text| {
        text.split(',').map(|a| a.trim().trim_start_matches("http://").to_owned()).collect()
    });
    let known = member.as_ref().map(|member| member.addresses.clone());
    let addresses = connect(configured.clone().or(known).unwrap_or_default()).await;
    let mut reach = Reach { addresses, answer: None, file };
    let reached = reach.addresses.iter().any(|(_, connected)| connected.is_ok());
    let Some(mut member) = member.filter(|_| reached) else { return (reach, None) };
    member.addresses = configured.unwrap_or(member.addresses);
    // Without files: nothing that comes of it is kept.
    let session = Session::new(member, None);
    let cluster = session.cluster_manager(CALL);
    let answer = timeout(CALL, cluster.identity.who_am_i(wire::WhoAmIRequest::default())).await;
    let (answer, date) = match answer {
        Err(_) => (Err(format!("no answer within {} s", CALL.as_secs())), None),
        Ok(Err(error)) => (Err(session.trouble().unwrap_or_else(|| chain(&error))), None),
        Ok(Ok(answer)) => {
            let date = answer.headers().get("date").and_then(|date| date.to_str().ok());
            (Ok(()), date.and_then(|date| httpdate::parse_http_date(date).ok()))
        }
    };
    reach.answer = Some(answer);
    (reach, date)
}

/// Connects to all at once.
async fn connect(addresses: Vec<String>) -> Vec<(String, Result<(), String>)> {
    let mut tried = JoinSet::new();
    for (n, address) in addresses.into_iter().enumerate() {
        tried.spawn(async move {
            let connected = match timeout(CONNECT, TcpStream::connect(&address)).await {
                Ok(connected) => connected.map(drop).map_err(|error| error.to_string()),
                Err(_) => Err(format!("no answer within {} s", CONNECT.as_secs())),
            };
            (n, address, connected)
        });
    }
    let mut all = tried.join_all().await;
    all.sort_by_key(|(n, _, _)| *n);
    all.into_iter().map(|(_, address, connected)| (address, connected)).collect()
}

pub(crate) fn judge_reach(facts: &Reach) -> Vec<Finding> {
    if facts.addresses.is_empty() {
        return Vec::new();
    }
    let failed = facts.addresses.iter().filter_map(|(address, connected)| {
        connected.as_ref().err().map(|why| format!("{address}: {why}"))
    });
    let failed: Vec<_> = failed.collect();
    if failed.len() == facts.addresses.len() {
        let seen = format!("it cannot be reached from here: {}", failed.join("; "));
        let what = format!(
            "on its machine: `wgcni doctor`; between: open TCP 7400 and 7401; if it moved: \
             cluster_manager = \"host:7400\" in {}",
            facts.file
        );
        return vec![Finding::problem(REACH, seen, advice(what))];
    }
    let mut findings = Vec::new();
    match &facts.answer {
        Some(Err(why)) => {
            let what =
                "`wgcni audit tail` where wgcni reaches the cluster; docs/troubleshooting.md";
            findings.push(Finding::problem(REACH, why, advice(what)));
        }
        Some(Ok(())) => findings.push(Finding::ok(REACH, "it answers this node")),
        None => findings.push(Finding::ok(REACH, "it can be connected to")),
    }
    if !failed.is_empty() {
        let seen = format!("not all of its addresses can be reached: {}", failed.join("; "));
        let what = "take what is no more out of its `advertise`, or open the way";
        findings.push(Finding::warning(REACH, seen, advice(what)));
    }
    findings
}

pub(crate) struct Facts {
    /// Whether the kernel says that something keeps the clock right.
    kept: Result<bool, String>,
    /// The cluster-manager's clock minus this one, in seconds.
    ahead: Option<i64>,
}

pub(crate) fn look(date: Option<SystemTime>) -> Facts {
    let seconds = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    let ahead = date.map(|date| match date.duration_since(SystemTime::now()) {
        Ok(ahead) => seconds(ahead),
        Err(behind) => -seconds(behind.duration()),
    });
    Facts { kept: kept(), ahead }
}

/// Asks the kernel (adjtimex(2)), and changes nothing.
#[allow(unsafe_code)]
fn kept() -> Result<bool, String> {
    // SAFETY: all fields are numbers, for which zero is a value; modes 0 only reads, into the
    // struct that is ours.
    let state = unsafe {
        let mut timex: nix::libc::timex = std::mem::zeroed();
        nix::libc::adjtimex(&raw mut timex)
    };
    match state {
        -1 => Err(format!("adjtimex: {}", std::io::Error::last_os_error())),
        state => Ok(state != nix::libc::TIME_ERROR),
    }
}

pub(crate) fn judge(facts: &Facts) -> Vec<Finding> {
    let set = || run("timedatectl set-ntp true");
    if let Some(ahead) = facts.ahead.filter(|ahead| ahead.abs() > APART) {
        let side = if ahead > 0 { "behind" } else { "ahead of" };
        let seen = format!("this clock is {} s {side} the cluster-manager's", ahead.abs());
        return vec![Finding::problem(CLOCK, seen, set())];
    }
    let with = match facts.ahead {
        Some(_) => ", and agrees with the cluster-manager's",
        None => "",
    };
    match &facts.kept {
        Ok(true) => vec![Finding::ok(CLOCK, format!("it is kept right{with}"))],
        Ok(false) => {
            let seen = format!("nothing keeps it right (unsynchronised){with}");
            vec![Finding::warning(CLOCK, seen, set())]
        }
        Err(why) => vec![super::finding::unseen(CLOCK, why)],
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::doctor::finding::Severity::{self, Ok as Fine, Problem, Warning};

    #[test]
    fn a_clock_is_wrong_beside_another_or_without_a_keeper() {
        let table = [
            (Ok(true), None, Fine),
            (Ok(true), Some(-59), Fine),
            (Ok(true), Some(61), Problem),
            (Ok(false), Some(-86_400), Problem),
            (Ok(false), Some(0), Warning),
            (Ok(false), None, Warning),
            (Err("no".to_owned()), None, Warning),
        ];
        for (kept, ahead, expected) in table {
            let found = judge(&Facts { kept, ahead });
            assert_eq!(found.len(), 1);
            assert_eq!(found[0].severity, expected, "{found:?}");
        }
        let behind = judge(&Facts { kept: Ok(true), ahead: Some(90) });
        assert!(behind[0].seen.contains("90 s behind"), "{behind:?}");
        assert!(kept().is_ok());
        let date = SystemTime::now() - Duration::from_secs(100);
        assert!((-101..=-99).contains(&look(Some(date)).ahead.unwrap()));
    }

    #[test]
    fn one_address_is_enough_and_a_refusal_is_a_problem() {
        let severities = |addresses: &[bool], answer| -> Vec<Severity> {
            let address = |&reached: &bool| {
                let connected = if reached { Ok(()) } else { Err("refused".to_owned()) };
                ("cm:7400".to_owned(), connected)
            };
            let addresses = addresses.iter().map(address).collect();
            let found = judge_reach(&Reach { addresses, answer, file: "/f".to_owned() });
            found.into_iter().map(|finding| finding.severity).collect()
        };
        let refused = || Some(Err("revoked".to_owned()));
        assert_eq!(severities(&[], None), []);
        assert_eq!(severities(&[false, false], None), [Problem]);
        assert_eq!(severities(&[true], Some(Ok(()))), [Fine]);
        assert_eq!(severities(&[false, true], Some(Ok(()))), [Fine, Warning]);
        assert_eq!(severities(&[true], refused()), [Problem]);
    }
}
