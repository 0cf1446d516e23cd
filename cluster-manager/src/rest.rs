//! The security key for installation scripts:
//! `GET /api/v1/one_time_security_key?clustername=<cluster id>` with a bearer token.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;
use axum::routing::any;
use serde::Serialize;
use wgcni_identity::{JoinCredential, TicketId};
use wgcni_model::ClusterId;
use zeroize::Zeroizing;

use crate::cluster::{Safe, Served};
use crate::members::{Actor, SecurityKey};
use crate::rpc::now;

/// Where it is.
pub const PATH: &str = "/api/v1/one_time_security_key";

/// When tokens were used last, since this start.
#[derive(Debug, Default)]
pub(crate) struct LastUsed(Mutex<BTreeMap<TicketId, Duration>>);

impl LastUsed {
    fn note(&self, token: TicketId, now: Duration) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(token, now);
    }

    /// Of one token.
    pub fn of(&self, token: TicketId) -> Option<Duration> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&token).copied()
    }
}

/// What is answered.
#[derive(Serialize)]
struct Answer<'a> {
    cluster_id: &'a ClusterId,
    security_key: &'a str,
    join: &'a str,
    /// Unix time in seconds.
    expires: u64,
}

/// What a request that must not be answered gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    Method,
    Token,
    Cluster,
    Failed,
}

/// The route.
pub(crate) fn router(served: Arc<Served>) -> Router {
    Router::new().route(PATH, any(answer)).with_state(served)
}

async fn answer(State(served): State<Arc<Served>>, request: Request) -> Response {
    let asked = (request.method(), request.headers(), request.uri().query());
    let now = now();
    let token_of = |bearer: &str| served.registry.token_of(bearer, now);
    let read = match check(asked, &served.cluster, token_of) {
        Ok(token) => read(&served, token, now).await,
        Err(refused) => Err(refused),
    };
    match read {
        Ok(body) => respond(StatusCode::OK, body.as_bytes().to_vec()),
        Err(refused) => refuse(refused),
    }
}

/// Who may read it: checks the method, then the token, and only then which cluster is
/// asked for.
fn check(
    (method, headers, query): (&Method, &HeaderMap, Option<&str>),
    cluster: &ClusterId,
    token_of: impl Fn(&str) -> Option<TicketId>,
) -> Result<TicketId, Refused> {
    if method != Method::GET {
        return Err(Refused::Method);
    }
    let token = bearer(headers).and_then(token_of).ok_or(Refused::Token)?;
    let mut names = query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    let mut names = names.by_ref().filter(|(key, _)| *key == "clustername");
    match (names.next(), names.next()) {
        (Some((_, name)), None) if name == cluster.as_str() => Ok(token),
        _ => Err(Refused::Cluster),
    }
}

/// RFC 6750, section 2.1; the scheme in any case (RFC 9110, section 11.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let (Some(one), None) = (all.next(), all.next()) else { return None };
    let (scheme, token) = one.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

async fn read(
    served: &Served,
    token: TicketId,
    now: Duration,
) -> Result<Zeroizing<String>, Refused> {
    let Safe { keys, reached, .. } = served.safe.as_ref().ok_or(Refused::Failed)?;
    let key = served.registry.show_security_key(keys, &Actor::Token(token), now).await;
    let SecurityKey { secret, expires, .. } = key.map_err(|error| {
        tracing::warn!(%token, %error, "read the security key");
        Refused::Failed
    })?;
    served.tokens.note(token, now);
    let answer = Answer {
        cluster_id: &served.cluster,
        security_key: &secret.to_text(),
        join: &reached.join_string(keys, JoinCredential::SecurityKey(secret.clone())),
        expires: expires.as_secs(),
    };
    // Text and numbers: this cannot fail.
    Ok(Zeroizing::new(serde_json::to_string(&answer).unwrap_or_default()))
}

fn refuse(refused: Refused) -> Response {
    let (status, error) = match refused {
        Refused::Method => (StatusCode::METHOD_NOT_ALLOWED, "only GET is answered"),
        Refused::Token => (StatusCode::UNAUTHORIZED, "a valid bearer token is needed"),
        Refused::Cluster => (StatusCode::NOT_FOUND, "clustername names no cluster of this server"),
        Refused::Failed => (StatusCode::SERVICE_UNAVAILABLE, "try again"),
    };
    let mut response = respond(status, format!("{{\"error\":\"{error}\"}}").into_bytes());
    let headers = response.headers_mut();
    match refused {
        Refused::Method => _ = headers.insert(ALLOW, HeaderValue::from_static("GET")),
        Refused::Token => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        Refused::Cluster | Refused::Failed => {}
    }
    response
}

fn respond(status: StatusCode, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const TOKEN: TicketId = TicketId::from_random([1; 8]);

    fn asked(method: &Method, authorization: &[&str], query: &str) -> Result<TicketId, Refused> {
        let mut headers = HeaderMap::new();
        for value in authorization {
            headers.append(AUTHORIZATION, value.parse().unwrap());
        }
        let cluster = ClusterId::from_random([7; 16]);
        let query = query.replace("HERE", cluster.as_str());
        check((method, &headers, Some(&query)), &cluster, |bearer| {
            (bearer == "good").then_some(TOKEN)
        })
    }

    #[test]
    fn only_the_right_token_and_cluster_are_answered() {
        let get = |authorization: &[&str], query| asked(&Method::GET, authorization, query);
        let here = "clustername=HERE";
        assert_eq!(get(&["Bearer good"], here), Ok(TOKEN));
        assert_eq!(get(&["bearer good"], "a=b&clustername=HERE&c"), Ok(TOKEN));
        for bad in [&[][..], &["good"], &["Basic good"], &["Bearer bad"], &["Bearer good"; 2]] {
            assert_eq!(get(bad, here), Err(Refused::Token), "{bad:?}");
            // Who may not read does not learn which cluster this is.
            assert_eq!(get(bad, "clustername=x"), Err(Refused::Token), "{bad:?}");
        }
        for other in ["", "clustername", "clustername=x", "clustername=HERE&clustername=x"] {
            assert_eq!(get(&["Bearer good"], other), Err(Refused::Cluster), "{other}");
        }
        for method in [Method::POST, Method::HEAD, Method::OPTIONS] {
            assert_eq!(asked(&method, &["Bearer good"], here), Err(Refused::Method));
        }
    }
}
