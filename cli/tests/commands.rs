//! Each command through the real binary: what people see, what programs see, how it ends.

#![allow(clippy::unwrap_used)]

mod support;

use serde_json::json;
use support::Fake;
use support::service::{BEARER, FAR, ID, JOIN};
use wgcni_api::admin_v1 as wire;
use wgcni_api::identity_v1::Role;

const KEY: &str = "zo060cy2M+x7caI+4k7LVkmydB3mvpqz1w3xjQvHGVs=";

#[test]
fn the_join_string_of_a_new_ticket_is_alone_on_stdout() {
    let fake = Fake::start();
    let done = fake.run("ticket create");
    done.is(&format!("{JOIN}\n"));
    let note = format!("ticket {ID} for a node, good once until 2096-10-02T");
    assert!(done.stderr.starts_with(&note), "{done:?}");
    assert!(done.stderr.contains("`node-manager join`") && !done.stderr.contains(JOIN), "{done:?}");
    let line = "ticket create --operator --name ann --valid 30d --group dev --source 192.0.2.0/24";
    let done = fake.run(&format!("{line} --json"));
    assert_eq!((done.exit, done.stderr.as_str()), (0, ""));
    assert_eq!(done.json()["join"], JOIN);
    assert_eq!(done.json()["ticket"]["role"], "operator");
    assert_eq!(done.json()["ticket"]["expires"], "2096-10-02T07:06:40Z");
    let (call, asked) = fake.last();
    let expected = json!({"role": "ROLE_OPERATOR", "uses": 1, "validSeconds": "2592000",
        "name": "ann", "groups": ["dev"], "sourceCidrs": ["192.0.2.0/24"]});
    assert_eq!((call, asked), ("create_ticket", expected));
}

#[test]
fn tickets_are_listed_with_why_they_cannot_be_used() {
    let fake = Fake::start();
    let done = fake.run("ticket list");
    assert!(done.stderr.contains("no tickets") && done.exit == 0, "{done:?}");
    let ticket = |id: &str, uses_left, revoked| wire::Ticket {
        id: id.into(),
        role: Role::ROLE_NODE.into(),
        uses: 2,
        uses_left,
        expires_unix_ms: FAR,
        created_by: "operator ann".into(),
        joined: vec!["ash".into()],
        revoked,
        ..Default::default()
    };
    *fake.state.tickets.lock().unwrap() =
        vec![ticket(ID, 1, false), ticket("1111111111111111", 0, false), ticket("22", 2, true)];
    let done = fake.run("ticket list");
    let lines: Vec<_> = done.stdout.lines().collect();
    assert!(lines[0].starts_with("ID                FOR   STATE    USES  EXPIRES"), "{done:?}");
    assert!(lines[1].starts_with("00010203fcfdfeff  node  usable   1/2   2096-10-02T"), "{done:?}");
    assert!(lines[1].ends_with("-     -       -     operator ann  ash"), "{done:?}");
    assert!(lines[2].contains("used") && lines[3].contains("revoked"), "{done:?}");
    let json = fake.run("ticket list --json").json();
    assert_eq!(json["tickets"][1]["state"], "used");
    assert_eq!(json["tickets"][0]["uses_left"], 1);
    assert_eq!(json["tickets"][0]["name"], json!(null));
}

#[test]
fn a_revoked_ticket_names_who_went_with_it() {
    let fake = Fake::start();
    let done = fake.run(&format!("ticket revoke {ID}"));
    done.is(&format!("ticket {ID} revoked, and with it: ash, elm\n"));
    let done = fake.run(&format!("ticket revoke {ID} --keep-members --json"));
    assert_eq!(done.json(), json!({"id": ID, "revoked": []}));
}

#[test]
fn the_security_key_is_shown_and_rotated() {
    let fake = Fake::start();
    let done = fake.run("security-key show");
    done.is(&format!("{JOIN}\n"));
    assert!(done.stderr.starts_with("security key of generation 3, until 2096-"), "{done:?}");
    let expected = json!({"join": JOIN, "expires": "2096-10-02T07:06:40Z", "generation": 3});
    assert_eq!(fake.run("security-key show --json").json(), expected);
    let done = fake.run("security-key rotate");
    done.is("the security key is of generation 4 now; the old one is refused from now on\n");
    assert_eq!(fake.last().1, json!({}));
    assert_eq!(fake.run("security-key rotate --overlap --json").json(), json!({"generation": 4}));
    assert_eq!(fake.last().1, json!({"overlap": true}));
}

#[test]
fn tokens_are_made_listed_and_taken_back() {
    let fake = Fake::start();
    let done = fake.run("token create installer");
    done.is(&format!("{BEARER}\n"));
    assert!(!done.stderr.contains(BEARER));
    assert_eq!(fake.last().1, json!({"label": "installer", "validSeconds": "2592000"}));
    assert_eq!(fake.run("token create x --json").json()["bearer"], BEARER);
    *fake.state.tokens.lock().unwrap() = vec![wire::Token {
        id: ID.into(),
        label: "evil\x1b[2J".into(),
        expires_unix_ms: FAR,
        created_by: "root".into(),
        ..Default::default()
    }];
    let done = fake.run("token list");
    assert!(done.stdout.contains("evil\\u{1b}[2J  2096-10-02T"), "{done:?}");
    assert_eq!(fake.run("token list --json").json()["tokens"][0]["last_used"], json!(null));
    fake.run(&format!("token revoke {ID}")).is(&format!("token {ID} revoked\n"));
}

fn node(name: &str, applied_revision: u64) -> wire::Member {
    wire::Member {
        name: name.into(),
        role: Role::ROLE_NODE.into(),
        identity_id: ID.into(),
        state: wire::MemberState::MEMBER_STATE_ACTIVE.into(),
        joined_with: "security key".into(),
        joined_unix_ms: 1_700_000_000_000,
        lease: vec!["10.64.3.0/24".into()],
        endpoints: vec!["192.0.2.3:51820".into()],
        certificate_expires_unix_ms: FAR,
        applied_revision,
        ..Default::default()
    }
}

fn operator(name: &str) -> wire::Member {
    let role = Role::ROLE_OPERATOR.into();
    wire::Member { role, lease: vec![], endpoints: vec![], ..node(name, 0) }
}

#[test]
fn nodes_and_operators_are_listed_apart() {
    let fake = Fake::start();
    let alarmed = wire::Member { alarm: "credentials copied".into(), ..node("elm", 3) };
    *fake.state.members.lock().unwrap() = vec![node("ash", 3), alarmed, operator("ann")];
    let done = fake.run("node list");
    let lines: Vec<_> = done.stdout.lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(lines[0].starts_with("NAME  STATE   SEEN  LEASE         ENDPOINT"), "{done:?}");
    assert!(lines[1].starts_with("ash   active  -     10.64.3.0/24  192.0.2.3:51820  -"));
    assert!(lines[2].contains("  credentials copied; not heard of"), "{done:?}");
    let json = fake.run("node list --json").json();
    assert_eq!(json["nodes"][0]["applied_revision"], 3);
    assert_eq!(json["nodes"][1]["alarm"], "credentials copied");
    let done = fake.run("operator list");
    assert!(
        done.stdout.lines().nth(1).unwrap().starts_with("ann   active  2023-11-14T22:13:20Z (")
    );
    assert_eq!(fake.run("operator list --json").json()["operators"][0]["name"], "ann");
}

#[test]
fn a_node_is_shown_with_its_alarm_first() {
    let fake = Fake::start();
    let alarmed = wire::Member { alarm: "credentials copied".into(), ..node("elm", 3) };
    *fake.state.members.lock().unwrap() = vec![alarmed, operator("ann")];
    let done = fake.run("node show elm");
    assert!(done.stdout.starts_with("ALARM:             credentials copied\nname: "), "{done:?}");
    assert!(done.stdout.contains("\nlease:             10.64.3.0/24\n"), "{done:?}");
    assert_eq!(fake.run("node show elm --json").json()["role"], "node");
    let done = fake.run("node show ann");
    assert_eq!(done.exit, 1);
    assert!(done.stderr.contains("`wgcni node list`"), "{done:?}");
}

#[test]
fn a_key_is_put_on_the_whitelist() {
    let fake = Fake::start();
    let done = fake.run(&format!("node add --name ash --pubkey {KEY}"));
    let said = format!("ash may join now, with its key {KEY} and this join string");
    assert!(done.stdout.starts_with(&said), "{done:?}");
    assert_eq!(done.stdout.lines().last(), Some(JOIN));
    assert_eq!(fake.last().1["meshPublicKey"], KEY);
    let json = fake.run(&format!("node add --name ash --pubkey {KEY} --json")).json();
    assert_eq!(json, json!({"name": "ash", "mesh_public_key": KEY, "join": JOIN}));
}

#[test]
fn members_are_revoked_and_removed_by_role() {
    let fake = Fake::start();
    fake.run("node revoke ash --reason stolen").is("ash revoked at revision 7\n");
    let expected = json!({"name": "ash", "role": "ROLE_NODE", "reason": "stolen"});
    assert_eq!(fake.last(), ("revoke_member", expected));
    let expected = json!({"name": "ash", "done": "removed", "revision": 7});
    assert_eq!(fake.run("node remove ash --json").json(), expected);
    fake.run("operator revoke ann").is("ann revoked at revision 7\n");
    assert_eq!(fake.last().1["role"], "ROLE_OPERATOR");
    fake.run("operator remove ann").is("ann removed at revision 7\n");
    assert_eq!(fake.last().0, "remove_member");
}

#[test]
fn waiting_ends_when_all_other_nodes_have_removed_it() {
    let fake = Fake::start();
    *fake.state.members.lock().unwrap() = vec![node("ash", 1), node("elm", 6), node("fir", 7)];
    *fake.state.later.lock().unwrap() = vec![vec![node("elm", 7), node("fir", 8)]];
    let done = fake.run("node revoke ash --wait");
    done.is("ash revoked, removed on 2/2 nodes\n");
    assert_eq!(done.stderr, "removed on 1/2 nodes\nremoved on 2/2 nodes\n");
    let json = fake.run("node remove ash --wait --json").json();
    assert_eq!((&json["nodes"], &json["removed_on"]), (&json!(2), &json!(2)));
}

#[test]
fn waiting_in_vain_names_the_nodes_and_exits_with_3() {
    let fake = Fake::start();
    *fake.state.members.lock().unwrap() = vec![node("elm", 6), node("fir", 7)];
    let done = fake.run("node revoke ash --wait --timeout 1s");
    assert_eq!((done.exit, done.stdout.as_str()), (3, "ash revoked, removed on 1/2 nodes\n"));
    assert!(done.stderr.contains("not yet removed on elm:"), "{done:?}");
    let done = fake.run("node revoke ash --wait --timeout 1s --json");
    assert_eq!(done.exit, 3);
    assert_eq!(done.json()["missing"], json!(["elm"]));
}

#[test]
fn status_says_first_what_is_wrong() {
    let fake = Fake::start();
    *fake.state.status.lock().unwrap() = wire::StatusResponse {
        version: "0.1.0".into(),
        cluster_id: "01".repeat(16),
        prefixes: vec!["10.64.0.0/12".into()],
        nodes: 3,
        nodes_alive: 2,
        ca_expires_unix_ms: FAR,
        join: JOIN.into(),
        ..Default::default()
    };
    let done = fake.run("status");
    assert!(done.stdout.starts_with("nothing is wrong\n\ncluster:"), "{done:?}");
    assert!(done.stdout.contains("nodes:              3, 2 of them alive\n"), "{done:?}");
    {
        let mut status = fake.state.status.lock().unwrap();
        status.alarms = vec!["ash was copied".into()];
        status.insecure_plaintext = true;
    }
    let done = fake.run("status");
    let first: Vec<_> = done.stdout.lines().take(2).collect();
    assert!(first[0].starts_with("ALARM: the control channel is plaintext"), "{done:?}");
    assert_eq!(first[1], "ALARM: ash was copied");
    let json = fake.run("status --json").json();
    assert_eq!(json["alarms"].as_array().unwrap().len(), 2);
    assert_eq!((&json["nodes_alive"], &json["started"]), (&json!(2), &json!(null)));
    assert_eq!(json["join"], JOIN);
    // As from a cluster without identities.
    fake.state.status.lock().unwrap().join.clear();
    assert_eq!(fake.run("status --json").json()["join"], json!(null));
}

#[test]
fn whoami_says_root_over_the_socket() {
    let fake = Fake::start();
    let text = "role:    root\nname:    root\ncluster: 01010101010101010101010101010101\n";
    fake.run("whoami").is(text);
    assert_eq!(fake.run("whoami --json").json()["identity_id"], json!(null));
}
