//! A node-manager that answers what a test tells it: a real server on a real socket, for
//! answers that a healthy one does not give on demand.
#![allow(dead_code, missing_docs, clippy::unwrap_used)]

use connectrpc::{ConnectError, ConnectRpcService, ErrorCode, RequestContext, Router};
use connectrpc::{Response, ServiceRequest, ServiceResult};
use std::path::Path;
use std::sync::{Arc, Mutex};
use tokio::net::UnixListener;
use tokio::runtime::Runtime;
use wgcni_api::node_service::AttachmentService;
use wgcni_api::node_v1 as wire;

/// What was asked, and the public key that was in it.
pub type Asked = (&'static str, Vec<u8>);

#[derive(Default)]
struct Answers {
    asked: Mutex<Vec<Asked>>,
    attach: Option<wire::AttachResponse>,
    status: Option<wire::StatusResponse>,
    detach: bool,
    refusal: Option<ConnectError>,
}

/// A fake that serves until it is dropped.
pub struct Fake {
    answers: Arc<Answers>,
    _runtime: Runtime,
}

/// What it answers; whatever has no answer is refused.
pub struct Script(Answers);

impl Script {
    /// Refuses everything so.
    pub fn refusing(code: ErrorCode, message: &str) -> Self {
        let refusal = Some(ConnectError::new(code, message));
        Self(Answers { refusal, ..Answers::default() })
    }

    pub fn attaching(mut self, response: wire::AttachResponse) -> Self {
        self.0.attach = Some(response);
        self
    }

    pub fn detaching(mut self) -> Self {
        self.0.detach = true;
        self
    }

    pub fn status(mut self, response: wire::StatusResponse) -> Self {
        self.0.status = Some(response);
        self
    }

    /// Serves on `socket` from now on.
    pub fn serve(self, socket: &Path) -> Fake {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let answers = Arc::new(self.0);
        let router = Router::new().add_service(Arc::clone(&answers));
        let app = axum::Router::new().fallback_service(ConnectRpcService::new(router));
        let listener = {
            let _context = runtime.enter();
            UnixListener::bind(socket).unwrap()
        };
        runtime.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Fake { answers, _runtime: runtime }
    }
}

impl Fake {
    /// What it was asked.
    pub fn asked(&self) -> Vec<Asked> {
        self.answers.asked.lock().unwrap().clone()
    }

    /// The names of what it was asked.
    pub fn names(&self) -> Vec<&'static str> {
        self.asked().into_iter().map(|(name, _)| name).collect()
    }
}

impl Answers {
    fn answer<T>(&self, asked: Asked, answer: Option<T>) -> ServiceResult<T> {
        self.asked.lock().unwrap().push(asked);
        match answer {
            Some(answer) => Response::ok(answer),
            None => Err(self.refusal.clone().unwrap()),
        }
    }
}

#[allow(refining_impl_trait)]
impl AttachmentService for Answers {
    async fn attach(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::AttachRequest>,
    ) -> ServiceResult<wire::AttachResponse> {
        let key = request.to_owned_message().public_key;
        self.answer(("attach", key), self.attach.clone())
    }

    async fn detach(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::DetachRequest>,
    ) -> ServiceResult<wire::DetachResponse> {
        let key = request.to_owned_message().public_key;
        self.answer(("detach", key), self.detach.then(wire::DetachResponse::default))
    }

    async fn check(
        &self,
        _: RequestContext,
        _: ServiceRequest<'_, wire::CheckRequest>,
    ) -> ServiceResult<wire::CheckResponse> {
        self.answer(("check", Vec::new()), None)
    }

    async fn prune(
        &self,
        _: RequestContext,
        _: ServiceRequest<'_, wire::PruneRequest>,
    ) -> ServiceResult<wire::PruneResponse> {
        self.answer(("prune", Vec::new()), None)
    }

    async fn reclaim(
        &self,
        _: RequestContext,
        _: ServiceRequest<'_, wire::ReclaimRequest>,
    ) -> ServiceResult<wire::ReclaimResponse> {
        self.answer(("reclaim", Vec::new()), None)
    }

    async fn status(
        &self,
        _: RequestContext,
        _: ServiceRequest<'_, wire::StatusRequest>,
    ) -> ServiceResult<wire::StatusResponse> {
        self.answer(("status", Vec::new()), self.status.clone())
    }
}
