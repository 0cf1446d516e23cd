//! What stands between a connection and the handlers.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use futures::FutureExt as _;
use http::{Request, StatusCode};
use hyper::body::Incoming;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use wgcni_daemon::Neighbourhood;
use wgcni_identity::{IdentityId, Role};

use super::body::Timely;
use super::connection::Shared;
use super::{Caller, Who};

/// Whose requests are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Client {
    Member(Role, IdentityId),
    From(Neighbourhood),
}

impl Client {
    fn of(caller: &Caller) -> Self {
        match caller.who {
            Who::Member { role, id, .. } => Self::Member(role, id),
            _ => Self::From(Neighbourhood::of(caller.source.ip())),
        }
    }
}

/// Answers the requests of one connection.
#[derive(Clone)]
pub(super) struct Guard {
    shared: Arc<Shared>,
    caller: Caller,
    asked: CancellationToken,
    refused: CancellationToken,
}

impl Guard {
    /// Cancels `asked` with the first request, `refused` when the caller is let in no more.
    pub(super) fn new(
        shared: Arc<Shared>,
        caller: Caller,
        asked: CancellationToken,
        refused: CancellationToken,
    ) -> Self {
        Self { shared, caller, asked, refused }
    }

    pub(super) async fn answer(self, request: Request<Incoming>) -> Response {
        self.asked.cancel();
        let Self { shared, caller, .. } = self;
        if !shared.door.admits(caller.who) {
            tracing::info!(who = ?caller.who, "refuse a request: no member any more");
            self.refused.cancel();
            return (StatusCode::UNAUTHORIZED, "not a member any more\n").into_response();
        }
        if !shared.requests.admit(Client::of(&caller), Instant::now()) {
            return (StatusCode::TOO_MANY_REQUESTS, "too many requests\n").into_response();
        }
        let mut request = request.map(|body| Body::new(Timely::new(body, shared.caps.body)));
        request.extensions_mut().insert(caller);
        // A handler that panicked is dropped, and shares nothing with the next but what
        // survives a lock's poisoning.
        let answer = AssertUnwindSafe(shared.router.clone().oneshot(request)).catch_unwind();
        match answer.await {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(_) => {
                tracing::error!("a handler panicked");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}
