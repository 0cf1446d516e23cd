//! The security key for installation scripts, as they read it.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::path::Path;
use std::process::Command;

use common::safe::{Joining, Proofs, Safe, enter, mesh};
use wgcni_api::admin_v1::{CreateTokenRequest, ListTokensRequest, RevokeTokenRequest};
use wgcni_identity::{AuditLine, JoinCredential, JoinString};

const PATH: &str = "/api/v1/one_time_security_key";

/// What curl gives: the status, the body.
async fn curl(safe: &Safe, query: &str, args: &[&str]) -> (String, String) {
    let url = format!("https://localhost:{}{PATH}{query}", safe.joiners.port());
    let ca = safe.path("ca.crt");
    let args: Vec<_> = args.iter().map(|arg| (*arg).to_owned()).collect();
    let output = tokio::task::spawn_blocking(move || run(&ca, &url, &args)).await.unwrap();
    let (body, status) = output.rsplit_once('\n').unwrap();
    (status.to_owned(), body.to_owned())
}

fn run(ca: &Path, url: &str, args: &[String]) -> String {
    let mut curl = Command::new("curl");
    curl.args(["-sS", "-i", "--cacert"]).arg(ca).args(["-w", "\n%{http_code}"]).args(args).arg(url);
    let output = curl.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

async fn token(safe: &Safe) -> (String, String) {
    let request = CreateTokenRequest { label: "installer".to_owned(), ..Default::default() };
    let made = safe.root.admin.create_token(request).await.unwrap().into_owned();
    (made.token.as_option().unwrap().id.clone(), made.bearer)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_with_a_token_reads_the_key_and_joins_with_it() {
    let safe = Safe::new().await;
    let (id, bearer) = token(&safe).await;
    let query = format!("?clustername={}", safe.cluster);
    let authorization = format!("Authorization: Bearer {bearer}");
    let (status, answer) = curl(&safe, &query, &["-H", &authorization]).await;
    assert_eq!(status, "200", "{answer}");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.to_lowercase().contains("cache-control: no-store"), "{head}");
    let json: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(json["cluster_id"], safe.cluster.as_str());
    let expires = json["expires"].as_u64().unwrap();
    assert!(expires > common::safe::now().as_secs(), "{expires}");
    let join: JoinString = json["join"].as_str().unwrap().parse().unwrap();
    let JoinCredential::SecurityKey(secret) = &join.credential else { panic!("another kind") };
    assert_eq!(json["security_key"], secret.to_text().as_str());
    enter(&join, "ash", Some(&mesh(1))).await.unwrap();
    // The key is no token, and what is written down is not the key.
    let lines = safe.audit().await;
    let read = lines.iter().filter_map(|(_, line)| AuditLine::parse(line));
    let by = format!("token {id}");
    assert_eq!(read.filter(|l| l.who == by && l.what == "security-key.show").count(), 1);
    let all: String = lines.into_iter().map(|(_, line)| line).collect();
    assert!(!all.contains(secret.to_text().as_str()) && !all.contains(&bearer));
    let list = safe.root.admin.list_tokens(ListTokensRequest::default()).await.unwrap();
    assert!(list.into_owned().tokens[0].last_used_unix_ms > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn others_learn_nothing() {
    let safe = Safe::new().await;
    let (id, bearer) = token(&safe).await;
    let query = format!("?clustername={}", safe.cluster);
    let good = format!("Authorization: Bearer {bearer}");
    let mut bodies = std::collections::BTreeSet::new();
    let (other_id, other) = token(&safe).await;
    let revoke = RevokeTokenRequest { id: other_id, ..Default::default() };
    safe.root.admin.revoke_token(revoke).await.unwrap();
    let secret = bearer.split_once('.').unwrap().1;
    let bad = [
        format!("Authorization: Bearer {bearer}x"),
        format!("Authorization: Bearer {id}.{}", "A".repeat(43)),
        format!("Authorization: Bearer 0000000000000000.{secret}"),
        format!("Authorization: Basic {bearer}"),
        format!("Authorization: Bearer {other}"),
        "X-Nothing: 1".to_owned(),
    ];
    for header in &bad {
        for query in [&*query, "?clustername=other"] {
            let (status, answer) = curl(&safe, query, &["-H", header]).await;
            assert_eq!(status, "401", "{header}: {answer}");
            bodies.insert(answer.split_once("\r\n\r\n").unwrap().1.to_owned());
        }
    }
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    assert_eq!(curl(&safe, "?clustername=other", &["-H", &good]).await.0, "404");
    assert_eq!(curl(&safe, "", &["-H", &good]).await.0, "404");
    for method in ["POST", "PUT", "DELETE"] {
        assert_eq!(curl(&safe, &query, &["-X", method, "-H", &good]).await.0, "405");
    }
    let shown = safe.audit().await;
    let shown = shown.iter().filter(|(_, line)| line.contains("security-key.show"));
    assert_eq!(shown.count(), 0, "nobody read it");
}

#[tokio::test]
async fn members_and_the_join_listener_have_doors_of_their_own() {
    let safe = Safe::new().await;
    let ticket = safe.node_ticket().await;
    let here: Joining = safe.joining(ticket.ca).await;
    assert!(here.join(&Proofs::new("ash", &ticket, mesh(1))).await.is_ok());
    for path in ["/wgcni.admin.v1.AdminService/Status", "/grpc.health.v1.Health/Watch", "/"] {
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
             content-length: 2\r\nconnection: close\r\n\r\n{{}}"
        );
        let answer = safe.http1(ticket.ca, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 403 "), "{path}: {answer}");
        assert!(answer.contains("this is not for whoever has not joined"), "{answer}");
    }
}
