///Shorthand for `OwnedView<AttachRequestView<'static>>`.
pub type OwnedAttachRequestView = ::buffa::view::OwnedView<
    crate::proto::wgcni::node::v1::__buffa::view::AttachRequestView<'static>,
>;
///Shorthand for `OwnedView<AttachResponseView<'static>>`.
pub type OwnedAttachResponseView = ::buffa::view::OwnedView<
    crate::proto::wgcni::node::v1::__buffa::view::AttachResponseView<'static>,
>;
///Shorthand for `OwnedView<DetachRequestView<'static>>`.
pub type OwnedDetachRequestView = ::buffa::view::OwnedView<
    crate::proto::wgcni::node::v1::__buffa::view::DetachRequestView<'static>,
>;
///Shorthand for `OwnedView<DetachResponseView<'static>>`.
pub type OwnedDetachResponseView = ::buffa::view::OwnedView<
    crate::proto::wgcni::node::v1::__buffa::view::DetachResponseView<'static>,
>;
///Shorthand for `OwnedView<CheckRequestView<'static>>`.
pub type OwnedCheckRequestView = ::buffa::view::OwnedView<
    crate::proto::wgcni::node::v1::__buffa::view::CheckRequestView<'static>,
>;
///Shorthand for `OwnedView<CheckResponseView<'static>>`.
pub type OwnedCheckResponseView = ::buffa::view::OwnedView<
    crate::proto::wgcni::node::v1::__buffa::view::CheckResponseView<'static>,
>;
///Shorthand for `OwnedView<PruneRequestView<'static>>`.
pub type OwnedPruneRequestView = ::buffa::view::OwnedView<
    crate::proto::wgcni::node::v1::__buffa::view::PruneRequestView<'static>,
>;
///Shorthand for `OwnedView<PruneResponseView<'static>>`.
pub type OwnedPruneResponseView = ::buffa::view::OwnedView<
    crate::proto::wgcni::node::v1::__buffa::view::PruneResponseView<'static>,
>;
///Shorthand for `OwnedView<ReclaimRequestView<'static>>`.
pub type OwnedReclaimRequestView = ::buffa::view::OwnedView<
    crate::proto::wgcni::node::v1::__buffa::view::ReclaimRequestView<'static>,
>;
///Shorthand for `OwnedView<ReclaimResponseView<'static>>`.
pub type OwnedReclaimResponseView = ::buffa::view::OwnedView<
    crate::proto::wgcni::node::v1::__buffa::view::ReclaimResponseView<'static>,
>;
///Shorthand for `OwnedView<StatusRequestView<'static>>`.
pub type OwnedStatusRequestView = ::buffa::view::OwnedView<
    crate::proto::wgcni::node::v1::__buffa::view::StatusRequestView<'static>,
>;
///Shorthand for `OwnedView<StatusResponseView<'static>>`.
pub type OwnedStatusResponseView = ::buffa::view::OwnedView<
    crate::proto::wgcni::node::v1::__buffa::view::StatusResponseView<'static>,
>;
impl ::connectrpc::Encodable<crate::proto::wgcni::node::v1::AttachResponse>
for crate::proto::wgcni::node::v1::__buffa::view::AttachResponseView<'_> {
    fn encode(
        &self,
        codec: ::connectrpc::CodecFormat,
    ) -> ::std::result::Result<::buffa::bytes::Bytes, ::connectrpc::ConnectError> {
        ::connectrpc::__codegen::encode_view_body(self, codec)
    }
}
impl ::connectrpc::Encodable<crate::proto::wgcni::node::v1::AttachResponse>
for ::buffa::view::OwnedView<
    crate::proto::wgcni::node::v1::__buffa::view::AttachResponseView<'static>,
> {
    fn encode(
        &self,
        codec: ::connectrpc::CodecFormat,
    ) -> ::std::result::Result<::buffa::bytes::Bytes, ::connectrpc::ConnectError> {
        ::connectrpc::__codegen::encode_view_body(self.reborrow(), codec)
    }
    /// An `OwnedView` still holds the buffer it was decoded from, so
    /// its large fields can be handed to the response body by
    /// reference count instead of copied. The bare view impl above
    /// cannot do this: it has borrows but no buffer to name.
    fn encode_segments(
        &self,
        codec: ::connectrpc::CodecFormat,
    ) -> ::std::result::Result<::connectrpc::EncodedBody, ::connectrpc::ConnectError> {
        ::connectrpc::__codegen::encode_view_body_segments(
            self.reborrow(),
            self.bytes(),
            codec,
        )
    }
}
impl ::connectrpc::Encodable<crate::proto::wgcni::node::v1::DetachResponse>
for crate::proto::wgcni::node::v1::__buffa::view::DetachResponseView<'_> {
    fn encode(
        &self,
        codec: ::connectrpc::CodecFormat,
    ) -> ::std::result::Result<::buffa::bytes::Bytes, ::connectrpc::ConnectError> {
        ::connectrpc::__codegen::encode_view_body(self, codec)
    }
}
impl ::connectrpc::Encodable<crate::proto::wgcni::node::v1::DetachResponse>
for ::buffa::view::OwnedView<
    crate::proto::wgcni::node::v1::__buffa::view::DetachResponseView<'static>,
> {
    fn encode(
        &self,
        codec: ::connectrpc::CodecFormat,
    ) -> ::std::result::Result<::buffa::bytes::Bytes, ::connectrpc::ConnectError> {
        ::connectrpc::__codegen::encode_view_body(self.reborrow(), codec)
    }
    /// An `OwnedView` still holds the buffer it was decoded from, so
    /// its large fields can be handed to the response body by
    /// reference count instead of copied. The bare view impl above
    /// cannot do this: it has borrows but no buffer to name.
    fn encode_segments(
        &self,
        codec: ::connectrpc::CodecFormat,
    ) -> ::std::result::Result<::connectrpc::EncodedBody, ::connectrpc::ConnectError> {
        ::connectrpc::__codegen::encode_view_body_segments(
            self.reborrow(),
            self.bytes(),
            codec,
        )
    }
}
impl ::connectrpc::Encodable<crate::proto::wgcni::node::v1::CheckResponse>
for crate::proto::wgcni::node::v1::__buffa::view::CheckResponseView<'_> {
    fn encode(
        &self,
        codec: ::connectrpc::CodecFormat,
    ) -> ::std::result::Result<::buffa::bytes::Bytes, ::connectrpc::ConnectError> {
        ::connectrpc::__codegen::encode_view_body(self, codec)
    }
}
impl ::connectrpc::Encodable<crate::proto::wgcni::node::v1::CheckResponse>
for ::buffa::view::OwnedView<
    crate::proto::wgcni::node::v1::__buffa::view::CheckResponseView<'static>,
> {
    fn encode(
        &self,
        codec: ::connectrpc::CodecFormat,
    ) -> ::std::result::Result<::buffa::bytes::Bytes, ::connectrpc::ConnectError> {
        ::connectrpc::__codegen::encode_view_body(self.reborrow(), codec)
    }
    /// An `OwnedView` still holds the buffer it was decoded from, so
    /// its large fields can be handed to the response body by
    /// reference count instead of copied. The bare view impl above
    /// cannot do this: it has borrows but no buffer to name.
    fn encode_segments(
        &self,
        codec: ::connectrpc::CodecFormat,
    ) -> ::std::result::Result<::connectrpc::EncodedBody, ::connectrpc::ConnectError> {
        ::connectrpc::__codegen::encode_view_body_segments(
            self.reborrow(),
            self.bytes(),
            codec,
        )
    }
}
impl ::connectrpc::Encodable<crate::proto::wgcni::node::v1::PruneResponse>
for crate::proto::wgcni::node::v1::__buffa::view::PruneResponseView<'_> {
    fn encode(
        &self,
        codec: ::connectrpc::CodecFormat,
    ) -> ::std::result::Result<::buffa::bytes::Bytes, ::connectrpc::ConnectError> {
        ::connectrpc::__codegen::encode_view_body(self, codec)
    }
}
impl ::connectrpc::Encodable<crate::proto::wgcni::node::v1::PruneResponse>
for ::buffa::view::OwnedView<
    crate::proto::wgcni::node::v1::__buffa::view::PruneResponseView<'static>,
> {
    fn encode(
        &self,
        codec: ::connectrpc::CodecFormat,
    ) -> ::std::result::Result<::buffa::bytes::Bytes, ::connectrpc::ConnectError> {
        ::connectrpc::__codegen::encode_view_body(self.reborrow(), codec)
    }
    /// An `OwnedView` still holds the buffer it was decoded from, so
    /// its large fields can be handed to the response body by
    /// reference count instead of copied. The bare view impl above
    /// cannot do this: it has borrows but no buffer to name.
    fn encode_segments(
        &self,
        codec: ::connectrpc::CodecFormat,
    ) -> ::std::result::Result<::connectrpc::EncodedBody, ::connectrpc::ConnectError> {
        ::connectrpc::__codegen::encode_view_body_segments(
            self.reborrow(),
            self.bytes(),
            codec,
        )
    }
}
impl ::connectrpc::Encodable<crate::proto::wgcni::node::v1::ReclaimResponse>
for crate::proto::wgcni::node::v1::__buffa::view::ReclaimResponseView<'_> {
    fn encode(
        &self,
        codec: ::connectrpc::CodecFormat,
    ) -> ::std::result::Result<::buffa::bytes::Bytes, ::connectrpc::ConnectError> {
        ::connectrpc::__codegen::encode_view_body(self, codec)
    }
}
impl ::connectrpc::Encodable<crate::proto::wgcni::node::v1::ReclaimResponse>
for ::buffa::view::OwnedView<
    crate::proto::wgcni::node::v1::__buffa::view::ReclaimResponseView<'static>,
> {
    fn encode(
        &self,
        codec: ::connectrpc::CodecFormat,
    ) -> ::std::result::Result<::buffa::bytes::Bytes, ::connectrpc::ConnectError> {
        ::connectrpc::__codegen::encode_view_body(self.reborrow(), codec)
    }
    /// An `OwnedView` still holds the buffer it was decoded from, so
    /// its large fields can be handed to the response body by
    /// reference count instead of copied. The bare view impl above
    /// cannot do this: it has borrows but no buffer to name.
    fn encode_segments(
        &self,
        codec: ::connectrpc::CodecFormat,
    ) -> ::std::result::Result<::connectrpc::EncodedBody, ::connectrpc::ConnectError> {
        ::connectrpc::__codegen::encode_view_body_segments(
            self.reborrow(),
            self.bytes(),
            codec,
        )
    }
}
impl ::connectrpc::Encodable<crate::proto::wgcni::node::v1::StatusResponse>
for crate::proto::wgcni::node::v1::__buffa::view::StatusResponseView<'_> {
    fn encode(
        &self,
        codec: ::connectrpc::CodecFormat,
    ) -> ::std::result::Result<::buffa::bytes::Bytes, ::connectrpc::ConnectError> {
        ::connectrpc::__codegen::encode_view_body(self, codec)
    }
}
impl ::connectrpc::Encodable<crate::proto::wgcni::node::v1::StatusResponse>
for ::buffa::view::OwnedView<
    crate::proto::wgcni::node::v1::__buffa::view::StatusResponseView<'static>,
> {
    fn encode(
        &self,
        codec: ::connectrpc::CodecFormat,
    ) -> ::std::result::Result<::buffa::bytes::Bytes, ::connectrpc::ConnectError> {
        ::connectrpc::__codegen::encode_view_body(self.reborrow(), codec)
    }
    /// An `OwnedView` still holds the buffer it was decoded from, so
    /// its large fields can be handed to the response body by
    /// reference count instead of copied. The bare view impl above
    /// cannot do this: it has borrows but no buffer to name.
    fn encode_segments(
        &self,
        codec: ::connectrpc::CodecFormat,
    ) -> ::std::result::Result<::connectrpc::EncodedBody, ::connectrpc::ConnectError> {
        ::connectrpc::__codegen::encode_view_body_segments(
            self.reborrow(),
            self.bytes(),
            codec,
        )
    }
}
/// Full service name for this service.
pub const ATTACHMENT_SERVICE_SERVICE_NAME: &str = "wgcni.node.v1.AttachmentService";
/// Static [`Spec`](::connectrpc::Spec) for the `Attach` RPC, as seen by the server; the generated client passes it with [`origin`](::connectrpc::Spec::origin) `Client` (compare across sides with [`Spec::same_method`](::connectrpc::Spec::same_method)).
pub const ATTACHMENT_SERVICE_ATTACH_SPEC: ::connectrpc::Spec = ::connectrpc::Spec::server(
        "/wgcni.node.v1.AttachmentService/Attach",
        ::connectrpc::StreamType::Unary,
    )
    .with_idempotency_level(::connectrpc::IdempotencyLevel::Unknown);
/// Static [`Spec`](::connectrpc::Spec) for the `Detach` RPC, as seen by the server; the generated client passes it with [`origin`](::connectrpc::Spec::origin) `Client` (compare across sides with [`Spec::same_method`](::connectrpc::Spec::same_method)).
pub const ATTACHMENT_SERVICE_DETACH_SPEC: ::connectrpc::Spec = ::connectrpc::Spec::server(
        "/wgcni.node.v1.AttachmentService/Detach",
        ::connectrpc::StreamType::Unary,
    )
    .with_idempotency_level(::connectrpc::IdempotencyLevel::Unknown);
/// Static [`Spec`](::connectrpc::Spec) for the `Check` RPC, as seen by the server; the generated client passes it with [`origin`](::connectrpc::Spec::origin) `Client` (compare across sides with [`Spec::same_method`](::connectrpc::Spec::same_method)).
pub const ATTACHMENT_SERVICE_CHECK_SPEC: ::connectrpc::Spec = ::connectrpc::Spec::server(
        "/wgcni.node.v1.AttachmentService/Check",
        ::connectrpc::StreamType::Unary,
    )
    .with_idempotency_level(::connectrpc::IdempotencyLevel::Unknown);
/// Static [`Spec`](::connectrpc::Spec) for the `Prune` RPC, as seen by the server; the generated client passes it with [`origin`](::connectrpc::Spec::origin) `Client` (compare across sides with [`Spec::same_method`](::connectrpc::Spec::same_method)).
pub const ATTACHMENT_SERVICE_PRUNE_SPEC: ::connectrpc::Spec = ::connectrpc::Spec::server(
        "/wgcni.node.v1.AttachmentService/Prune",
        ::connectrpc::StreamType::Unary,
    )
    .with_idempotency_level(::connectrpc::IdempotencyLevel::Unknown);
/// Static [`Spec`](::connectrpc::Spec) for the `Reclaim` RPC, as seen by the server; the generated client passes it with [`origin`](::connectrpc::Spec::origin) `Client` (compare across sides with [`Spec::same_method`](::connectrpc::Spec::same_method)).
pub const ATTACHMENT_SERVICE_RECLAIM_SPEC: ::connectrpc::Spec = ::connectrpc::Spec::server(
        "/wgcni.node.v1.AttachmentService/Reclaim",
        ::connectrpc::StreamType::Unary,
    )
    .with_idempotency_level(::connectrpc::IdempotencyLevel::Unknown);
/// Static [`Spec`](::connectrpc::Spec) for the `Status` RPC, as seen by the server; the generated client passes it with [`origin`](::connectrpc::Spec::origin) `Client` (compare across sides with [`Spec::same_method`](::connectrpc::Spec::same_method)).
pub const ATTACHMENT_SERVICE_STATUS_SPEC: ::connectrpc::Spec = ::connectrpc::Spec::server(
        "/wgcni.node.v1.AttachmentService/Status",
        ::connectrpc::StreamType::Unary,
    )
    .with_idempotency_level(::connectrpc::IdempotencyLevel::Unknown);
/// Attaches containers to their node.
///
/// # Implementing handlers
///
/// Implement methods with plain `async fn`; the returned future satisfies
/// the `Send` bound automatically.
///
/// **Unary and server-streaming requests** arrive as
/// [`ServiceRequest<'_, Req>`](::connectrpc::ServiceRequest): a zero-copy
/// view of the request plus its body, valid for the duration of the call.
/// Fields are read directly (`request.name` is a `&str` into the decoded
/// buffer) and the borrow may be held across `.await` points. Anything
/// that must outlive the call — `tokio::spawn`, channels, server state,
/// or data captured by a returned response stream — takes owned data:
/// call `request.to_owned_message()` (or copy the specific fields)
/// first.
///
/// **Client-streaming and bidi requests** arrive as
/// [`InboundStream<Req>`](::connectrpc::InboundStream) — a
/// `ServiceStream` of [`StreamMessage`](::connectrpc::StreamMessage)s.
/// Each item owns its decoded buffer and is `Send + 'static`, so items
/// can be buffered or moved into spawned tasks; read fields zero-copy
/// through the generated accessor methods (`item.name()`) or `.view()`,
/// convert with `.to_owned_message()`, or yield an item back unchanged —
/// `StreamMessage<M>` implements `Encodable<M>`.
///
/// Request types resolved through `extern_path` (e.g. well-known types
/// from another crate) use the same wrappers; the crate that owns the
/// type must be generated with buffa ≥ 0.9.0 and views enabled so the
/// backing `HasMessageView` impl exists.
///
/// The `impl Encodable<Out>` return bound accepts the owned `Out`, the
/// generated `OutView<'_>` / `OwnedOutView`,
/// [`MaybeBorrowed`](::connectrpc::MaybeBorrowed), or
/// [`PreEncoded`](::connectrpc::PreEncoded) for handlers that encode a
/// non-`'static` view internally and pass the bytes across the handler
/// boundary. View bodies are not emitted for output types mapped via
/// `extern_path` (the impl would be an orphan); return owned for
/// WKT/extern outputs.
///
/// Server-streaming and bidi-streaming methods return
/// `ServiceStream<impl Encodable<Out> + Send + use<Self>>`. The
/// `use<Self>` precise-capturing clause excludes `&self`'s lifetime and
/// the request's lifetime (unary methods use `use<'a, Self>` and may
/// borrow from `&self`), so stream items must be `'static` and cannot
/// borrow from the request. To stream view-encoded data, encode each
/// item inside the stream body and yield
/// [`PreEncoded`](::connectrpc::PreEncoded) — see its `# Streaming
/// example` doc.
#[allow(clippy::type_complexity)]
pub trait AttachmentService: Send + Sync + 'static {
    /// Allocates addresses, makes the container's key a peer of the hub and answers
    /// once the kernel holds both.
    ///
    /// ALREADY_EXISTS: attached already, in the same namespace; nothing was touched.
    /// RESOURCE_EXHAUSTED: no free address; the message has the numbers.
    /// UNAVAILABLE: the node is not ready (no lease yet); try again.
    /// ABORTED: a Detach that began later was served already.
    ///
    /// `'a` lets the response body borrow from `&self` (e.g. server-resident state).
    ///
    /// `request` is borrowed from the request body and is valid for the
    /// duration of the call; message fields are read directly on it
    /// (zero-copy). The response cannot borrow from `request` — use
    /// `.to_owned_message()` (or copy the specific fields) for anything
    /// returned, stored, or moved into `tokio::spawn`.
    fn attach<'a>(
        &'a self,
        ctx: ::connectrpc::RequestContext,
        request: ::connectrpc::ServiceRequest<
            '_,
            crate::proto::wgcni::node::v1::AttachRequest,
        >,
    ) -> impl ::std::future::Future<
        Output = ::connectrpc::ServiceResult<
            impl ::connectrpc::Encodable<
                crate::proto::wgcni::node::v1::AttachResponse,
            > + Send + use<'a, Self>,
        >,
    > + Send;
    /// Takes an attachment away and lets its addresses rest. Detaching what is not
    /// attached is success.
    ///
    /// `'a` lets the response body borrow from `&self` (e.g. server-resident state).
    ///
    /// `request` is borrowed from the request body and is valid for the
    /// duration of the call; message fields are read directly on it
    /// (zero-copy). The response cannot borrow from `request` — use
    /// `.to_owned_message()` (or copy the specific fields) for anything
    /// returned, stored, or moved into `tokio::spawn`.
    fn detach<'a>(
        &'a self,
        ctx: ::connectrpc::RequestContext,
        request: ::connectrpc::ServiceRequest<
            '_,
            crate::proto::wgcni::node::v1::DetachRequest,
        >,
    ) -> impl ::std::future::Future<
        Output = ::connectrpc::ServiceResult<
            impl ::connectrpc::Encodable<
                crate::proto::wgcni::node::v1::DetachResponse,
            > + Send + use<'a, Self>,
        >,
    > + Send;
    /// Says what the node holds for an attachment after proving that the kernel has
    /// it too.
    ///
    /// NOT_FOUND: no such attachment. FAILED_PRECONDITION: the kernel lacks a part,
    /// which the message names.
    ///
    /// `'a` lets the response body borrow from `&self` (e.g. server-resident state).
    ///
    /// `request` is borrowed from the request body and is valid for the
    /// duration of the call; message fields are read directly on it
    /// (zero-copy). The response cannot borrow from `request` — use
    /// `.to_owned_message()` (or copy the specific fields) for anything
    /// returned, stored, or moved into `tokio::spawn`.
    fn check<'a>(
        &'a self,
        ctx: ::connectrpc::RequestContext,
        request: ::connectrpc::ServiceRequest<
            '_,
            crate::proto::wgcni::node::v1::CheckRequest,
        >,
    ) -> impl ::std::future::Future<
        Output = ::connectrpc::ServiceResult<
            impl ::connectrpc::Encodable<
                crate::proto::wgcni::node::v1::CheckResponse,
            > + Send + use<'a, Self>,
        >,
    > + Send;
    /// Takes away the attachments of one network that are not in use any more.
    ///
    /// `'a` lets the response body borrow from `&self` (e.g. server-resident state).
    ///
    /// `request` is borrowed from the request body and is valid for the
    /// duration of the call; message fields are read directly on it
    /// (zero-copy). The response cannot borrow from `request` — use
    /// `.to_owned_message()` (or copy the specific fields) for anything
    /// returned, stored, or moved into `tokio::spawn`.
    fn prune<'a>(
        &'a self,
        ctx: ::connectrpc::RequestContext,
        request: ::connectrpc::ServiceRequest<
            '_,
            crate::proto::wgcni::node::v1::PruneRequest,
        >,
    ) -> impl ::std::future::Future<
        Output = ::connectrpc::ServiceResult<
            impl ::connectrpc::Encodable<
                crate::proto::wgcni::node::v1::PruneResponse,
            > + Send + use<'a, Self>,
        >,
    > + Send;
    /// Takes away the attachments whose containers are gone without a Detach: nobody is
    /// in their namespace, and nobody names it, for as long as the node is told to wait.
    /// The node does the same by itself.
    ///
    /// FAILED_PRECONDITION: it cannot look everywhere, so that nothing is proven.
    ///
    /// `'a` lets the response body borrow from `&self` (e.g. server-resident state).
    ///
    /// `request` is borrowed from the request body and is valid for the
    /// duration of the call; message fields are read directly on it
    /// (zero-copy). The response cannot borrow from `request` — use
    /// `.to_owned_message()` (or copy the specific fields) for anything
    /// returned, stored, or moved into `tokio::spawn`.
    fn reclaim<'a>(
        &'a self,
        ctx: ::connectrpc::RequestContext,
        request: ::connectrpc::ServiceRequest<
            '_,
            crate::proto::wgcni::node::v1::ReclaimRequest,
        >,
    ) -> impl ::std::future::Future<
        Output = ::connectrpc::ServiceResult<
            impl ::connectrpc::Encodable<
                crate::proto::wgcni::node::v1::ReclaimResponse,
            > + Send + use<'a, Self>,
        >,
    > + Send;
    /// Says whether Attach can work now, and how full the node is.
    ///
    /// `'a` lets the response body borrow from `&self` (e.g. server-resident state).
    ///
    /// `request` is borrowed from the request body and is valid for the
    /// duration of the call; message fields are read directly on it
    /// (zero-copy). The response cannot borrow from `request` — use
    /// `.to_owned_message()` (or copy the specific fields) for anything
    /// returned, stored, or moved into `tokio::spawn`.
    fn status<'a>(
        &'a self,
        ctx: ::connectrpc::RequestContext,
        request: ::connectrpc::ServiceRequest<
            '_,
            crate::proto::wgcni::node::v1::StatusRequest,
        >,
    ) -> impl ::std::future::Future<
        Output = ::connectrpc::ServiceResult<
            impl ::connectrpc::Encodable<
                crate::proto::wgcni::node::v1::StatusResponse,
            > + Send + use<'a, Self>,
        >,
    > + Send;
}
/// Extension trait for registering a service implementation with a Router.
///
/// This trait is automatically implemented for all types that implement the service trait.
/// Prefer [`Router::add_service`](::connectrpc::Router::add_service) for
/// top-down registration; `register` remains available for compatibility
/// and cases where the service-first call shape is more convenient.
///
/// # Example
///
/// ```rust,ignore
/// use std::sync::Arc;
///
/// let service = Arc::new(MyServiceImpl);
/// let router = service.register(Router::new());
/// ```
pub trait AttachmentServiceExt: AttachmentService {
    /// Register this service implementation with a Router.
    ///
    /// Takes ownership of the `Arc<Self>` and returns a new Router with
    /// this service's methods registered.
    fn register(
        self: ::std::sync::Arc<Self>,
        router: ::connectrpc::Router,
    ) -> ::connectrpc::Router;
}
impl<S: AttachmentService> AttachmentServiceExt for S {
    fn register(
        self: ::std::sync::Arc<Self>,
        router: ::connectrpc::Router,
    ) -> ::connectrpc::Router {
        router
            .route_view(
                ATTACHMENT_SERVICE_SERVICE_NAME,
                "Attach",
                {
                    let svc = ::std::sync::Arc::clone(&self);
                    ::connectrpc::view_handler_fn(move |
                        ctx,
                        req: ::buffa::view::OwnedView<
                            crate::proto::wgcni::node::v1::__buffa::view::AttachRequestView<
                                'static,
                            >,
                        >,
                        format|
                    {
                        let svc = ::std::sync::Arc::clone(&svc);
                        async move {
                            let sreq = ::connectrpc::ServiceRequest::<
                                crate::proto::wgcni::node::v1::AttachRequest,
                            >::from_parts(req.reborrow(), req.bytes());
                            svc.attach(ctx, sreq)
                                .await?
                                .encode::<
                                    crate::proto::wgcni::node::v1::AttachResponse,
                                >(format)
                        }
                    })
                },
            )
            .with_spec(ATTACHMENT_SERVICE_ATTACH_SPEC)
            .route_view(
                ATTACHMENT_SERVICE_SERVICE_NAME,
                "Detach",
                {
                    let svc = ::std::sync::Arc::clone(&self);
                    ::connectrpc::view_handler_fn(move |
                        ctx,
                        req: ::buffa::view::OwnedView<
                            crate::proto::wgcni::node::v1::__buffa::view::DetachRequestView<
                                'static,
                            >,
                        >,
                        format|
                    {
                        let svc = ::std::sync::Arc::clone(&svc);
                        async move {
                            let sreq = ::connectrpc::ServiceRequest::<
                                crate::proto::wgcni::node::v1::DetachRequest,
                            >::from_parts(req.reborrow(), req.bytes());
                            svc.detach(ctx, sreq)
                                .await?
                                .encode::<
                                    crate::proto::wgcni::node::v1::DetachResponse,
                                >(format)
                        }
                    })
                },
            )
            .with_spec(ATTACHMENT_SERVICE_DETACH_SPEC)
            .route_view(
                ATTACHMENT_SERVICE_SERVICE_NAME,
                "Check",
                {
                    let svc = ::std::sync::Arc::clone(&self);
                    ::connectrpc::view_handler_fn(move |
                        ctx,
                        req: ::buffa::view::OwnedView<
                            crate::proto::wgcni::node::v1::__buffa::view::CheckRequestView<
                                'static,
                            >,
                        >,
                        format|
                    {
                        let svc = ::std::sync::Arc::clone(&svc);
                        async move {
                            let sreq = ::connectrpc::ServiceRequest::<
                                crate::proto::wgcni::node::v1::CheckRequest,
                            >::from_parts(req.reborrow(), req.bytes());
                            svc.check(ctx, sreq)
                                .await?
                                .encode::<
                                    crate::proto::wgcni::node::v1::CheckResponse,
                                >(format)
                        }
                    })
                },
            )
            .with_spec(ATTACHMENT_SERVICE_CHECK_SPEC)
            .route_view(
                ATTACHMENT_SERVICE_SERVICE_NAME,
                "Prune",
                {
                    let svc = ::std::sync::Arc::clone(&self);
                    ::connectrpc::view_handler_fn(move |
                        ctx,
                        req: ::buffa::view::OwnedView<
                            crate::proto::wgcni::node::v1::__buffa::view::PruneRequestView<
                                'static,
                            >,
                        >,
                        format|
                    {
                        let svc = ::std::sync::Arc::clone(&svc);
                        async move {
                            let sreq = ::connectrpc::ServiceRequest::<
                                crate::proto::wgcni::node::v1::PruneRequest,
                            >::from_parts(req.reborrow(), req.bytes());
                            svc.prune(ctx, sreq)
                                .await?
                                .encode::<
                                    crate::proto::wgcni::node::v1::PruneResponse,
                                >(format)
                        }
                    })
                },
            )
            .with_spec(ATTACHMENT_SERVICE_PRUNE_SPEC)
            .route_view(
                ATTACHMENT_SERVICE_SERVICE_NAME,
                "Reclaim",
                {
                    let svc = ::std::sync::Arc::clone(&self);
                    ::connectrpc::view_handler_fn(move |
                        ctx,
                        req: ::buffa::view::OwnedView<
                            crate::proto::wgcni::node::v1::__buffa::view::ReclaimRequestView<
                                'static,
                            >,
                        >,
                        format|
                    {
                        let svc = ::std::sync::Arc::clone(&svc);
                        async move {
                            let sreq = ::connectrpc::ServiceRequest::<
                                crate::proto::wgcni::node::v1::ReclaimRequest,
                            >::from_parts(req.reborrow(), req.bytes());
                            svc.reclaim(ctx, sreq)
                                .await?
                                .encode::<
                                    crate::proto::wgcni::node::v1::ReclaimResponse,
                                >(format)
                        }
                    })
                },
            )
            .with_spec(ATTACHMENT_SERVICE_RECLAIM_SPEC)
            .route_view(
                ATTACHMENT_SERVICE_SERVICE_NAME,
                "Status",
                {
                    let svc = ::std::sync::Arc::clone(&self);
                    ::connectrpc::view_handler_fn(move |
                        ctx,
                        req: ::buffa::view::OwnedView<
                            crate::proto::wgcni::node::v1::__buffa::view::StatusRequestView<
                                'static,
                            >,
                        >,
                        format|
                    {
                        let svc = ::std::sync::Arc::clone(&svc);
                        async move {
                            let sreq = ::connectrpc::ServiceRequest::<
                                crate::proto::wgcni::node::v1::StatusRequest,
                            >::from_parts(req.reborrow(), req.bytes());
                            svc.status(ctx, sreq)
                                .await?
                                .encode::<
                                    crate::proto::wgcni::node::v1::StatusResponse,
                                >(format)
                        }
                    })
                },
            )
            .with_spec(ATTACHMENT_SERVICE_STATUS_SPEC)
    }
}
/// Type-inference marker used by [`Router::add_service`](::connectrpc::Router::add_service).
#[doc(hidden)]
pub struct AttachmentServiceRegisterMarker;
impl<S: AttachmentService> ::connectrpc::ServiceRegister<AttachmentServiceRegisterMarker>
for ::std::sync::Arc<S> {
    fn register_service(self, router: ::connectrpc::Router) -> ::connectrpc::Router {
        <S as AttachmentServiceExt>::register(self, router)
    }
}
/// Monomorphic dispatcher for `AttachmentService`.
///
/// Unlike `.register(Router)` which type-erases each method into an `Arc<dyn ErasedHandler>` stored in a `HashMap`, this struct dispatches via a compile-time `match` on method name: no vtable, no hash lookup.
///
/// # Example
///
/// ```rust,ignore
/// use connectrpc::ConnectRpcService;
///
/// let server = AttachmentServiceServer::new(MyImpl);
/// let service = ConnectRpcService::new(server);
/// // hand `service` to axum/hyper as a fallback_service
/// ```
pub struct AttachmentServiceServer<T> {
    inner: ::std::sync::Arc<T>,
}
impl<T: AttachmentService> AttachmentServiceServer<T> {
    /// Wrap a service implementation in a monomorphic dispatcher.
    pub fn new(service: T) -> Self {
        Self {
            inner: ::std::sync::Arc::new(service),
        }
    }
    /// Wrap an already-`Arc`'d service implementation.
    pub fn from_arc(inner: ::std::sync::Arc<T>) -> Self {
        Self { inner }
    }
}
impl<T> Clone for AttachmentServiceServer<T> {
    fn clone(&self) -> Self {
        Self {
            inner: ::std::sync::Arc::clone(&self.inner),
        }
    }
}
impl<T: AttachmentService> ::connectrpc::Dispatcher for AttachmentServiceServer<T> {
    #[inline]
    fn lookup(
        &self,
        path: &str,
    ) -> Option<::connectrpc::dispatcher::codegen::MethodDescriptor> {
        let method = path.strip_prefix("wgcni.node.v1.AttachmentService/")?;
        match method {
            "Attach" => {
                Some(
                    ::connectrpc::dispatcher::codegen::MethodDescriptor::unary(false)
                        .with_spec(ATTACHMENT_SERVICE_ATTACH_SPEC),
                )
            }
            "Detach" => {
                Some(
                    ::connectrpc::dispatcher::codegen::MethodDescriptor::unary(false)
                        .with_spec(ATTACHMENT_SERVICE_DETACH_SPEC),
                )
            }
            "Check" => {
                Some(
                    ::connectrpc::dispatcher::codegen::MethodDescriptor::unary(false)
                        .with_spec(ATTACHMENT_SERVICE_CHECK_SPEC),
                )
            }
            "Prune" => {
                Some(
                    ::connectrpc::dispatcher::codegen::MethodDescriptor::unary(false)
                        .with_spec(ATTACHMENT_SERVICE_PRUNE_SPEC),
                )
            }
            "Reclaim" => {
                Some(
                    ::connectrpc::dispatcher::codegen::MethodDescriptor::unary(false)
                        .with_spec(ATTACHMENT_SERVICE_RECLAIM_SPEC),
                )
            }
            "Status" => {
                Some(
                    ::connectrpc::dispatcher::codegen::MethodDescriptor::unary(false)
                        .with_spec(ATTACHMENT_SERVICE_STATUS_SPEC),
                )
            }
            _ => None,
        }
    }
    fn call_unary(
        &self,
        path: &str,
        ctx: ::connectrpc::RequestContext,
        request: ::connectrpc::Payload,
        format: ::connectrpc::CodecFormat,
    ) -> ::connectrpc::dispatcher::codegen::UnaryResult {
        let Some(method) = path.strip_prefix("wgcni.node.v1.AttachmentService/") else {
            return ::connectrpc::dispatcher::codegen::unimplemented_unary(path);
        };
        let _ = (&ctx, &request, &format);
        match method {
            "Attach" => {
                let svc = ::std::sync::Arc::clone(&self.inner);
                Box::pin(async move {
                    let body = ::connectrpc::dispatcher::codegen::request_proto_bytes::<
                        crate::proto::wgcni::node::v1::AttachRequest,
                    >(request.encoded()?, format)?;
                    let req: crate::proto::wgcni::node::v1::__buffa::view::AttachRequestView<
                        '_,
                    > = ::connectrpc::dispatcher::codegen::decode_borrowed_request_view(
                        &body,
                        ctx.decode_options(),
                    )?;
                    let req = ::connectrpc::ServiceRequest::<
                        crate::proto::wgcni::node::v1::AttachRequest,
                    >::from_parts(&req, &body);
                    svc.attach(ctx, req)
                        .await?
                        .encode::<crate::proto::wgcni::node::v1::AttachResponse>(format)
                })
            }
            "Detach" => {
                let svc = ::std::sync::Arc::clone(&self.inner);
                Box::pin(async move {
                    let body = ::connectrpc::dispatcher::codegen::request_proto_bytes::<
                        crate::proto::wgcni::node::v1::DetachRequest,
                    >(request.encoded()?, format)?;
                    let req: crate::proto::wgcni::node::v1::__buffa::view::DetachRequestView<
                        '_,
                    > = ::connectrpc::dispatcher::codegen::decode_borrowed_request_view(
                        &body,
                        ctx.decode_options(),
                    )?;
                    let req = ::connectrpc::ServiceRequest::<
                        crate::proto::wgcni::node::v1::DetachRequest,
                    >::from_parts(&req, &body);
                    svc.detach(ctx, req)
                        .await?
                        .encode::<crate::proto::wgcni::node::v1::DetachResponse>(format)
                })
            }
            "Check" => {
                let svc = ::std::sync::Arc::clone(&self.inner);
                Box::pin(async move {
                    let body = ::connectrpc::dispatcher::codegen::request_proto_bytes::<
                        crate::proto::wgcni::node::v1::CheckRequest,
                    >(request.encoded()?, format)?;
                    let req: crate::proto::wgcni::node::v1::__buffa::view::CheckRequestView<
                        '_,
                    > = ::connectrpc::dispatcher::codegen::decode_borrowed_request_view(
                        &body,
                        ctx.decode_options(),
                    )?;
                    let req = ::connectrpc::ServiceRequest::<
                        crate::proto::wgcni::node::v1::CheckRequest,
                    >::from_parts(&req, &body);
                    svc.check(ctx, req)
                        .await?
                        .encode::<crate::proto::wgcni::node::v1::CheckResponse>(format)
                })
            }
            "Prune" => {
                let svc = ::std::sync::Arc::clone(&self.inner);
                Box::pin(async move {
                    let body = ::connectrpc::dispatcher::codegen::request_proto_bytes::<
                        crate::proto::wgcni::node::v1::PruneRequest,
                    >(request.encoded()?, format)?;
                    let req: crate::proto::wgcni::node::v1::__buffa::view::PruneRequestView<
                        '_,
                    > = ::connectrpc::dispatcher::codegen::decode_borrowed_request_view(
                        &body,
                        ctx.decode_options(),
                    )?;
                    let req = ::connectrpc::ServiceRequest::<
                        crate::proto::wgcni::node::v1::PruneRequest,
                    >::from_parts(&req, &body);
                    svc.prune(ctx, req)
                        .await?
                        .encode::<crate::proto::wgcni::node::v1::PruneResponse>(format)
                })
            }
            "Reclaim" => {
                let svc = ::std::sync::Arc::clone(&self.inner);
                Box::pin(async move {
                    let body = ::connectrpc::dispatcher::codegen::request_proto_bytes::<
                        crate::proto::wgcni::node::v1::ReclaimRequest,
                    >(request.encoded()?, format)?;
                    let req: crate::proto::wgcni::node::v1::__buffa::view::ReclaimRequestView<
                        '_,
                    > = ::connectrpc::dispatcher::codegen::decode_borrowed_request_view(
                        &body,
                        ctx.decode_options(),
                    )?;
                    let req = ::connectrpc::ServiceRequest::<
                        crate::proto::wgcni::node::v1::ReclaimRequest,
                    >::from_parts(&req, &body);
                    svc.reclaim(ctx, req)
                        .await?
                        .encode::<crate::proto::wgcni::node::v1::ReclaimResponse>(format)
                })
            }
            "Status" => {
                let svc = ::std::sync::Arc::clone(&self.inner);
                Box::pin(async move {
                    let body = ::connectrpc::dispatcher::codegen::request_proto_bytes::<
                        crate::proto::wgcni::node::v1::StatusRequest,
                    >(request.encoded()?, format)?;
                    let req: crate::proto::wgcni::node::v1::__buffa::view::StatusRequestView<
                        '_,
                    > = ::connectrpc::dispatcher::codegen::decode_borrowed_request_view(
                        &body,
                        ctx.decode_options(),
                    )?;
                    let req = ::connectrpc::ServiceRequest::<
                        crate::proto::wgcni::node::v1::StatusRequest,
                    >::from_parts(&req, &body);
                    svc.status(ctx, req)
                        .await?
                        .encode::<crate::proto::wgcni::node::v1::StatusResponse>(format)
                })
            }
            _ => ::connectrpc::dispatcher::codegen::unimplemented_unary(path),
        }
    }
    fn call_server_streaming(
        &self,
        path: &str,
        ctx: ::connectrpc::RequestContext,
        request: ::buffa::bytes::Bytes,
        format: ::connectrpc::CodecFormat,
    ) -> ::connectrpc::dispatcher::codegen::StreamingResult {
        let Some(method) = path.strip_prefix("wgcni.node.v1.AttachmentService/") else {
            return ::connectrpc::dispatcher::codegen::unimplemented_streaming(path);
        };
        let _ = (&ctx, &request, &format);
        match method {
            _ => ::connectrpc::dispatcher::codegen::unimplemented_streaming(path),
        }
    }
    fn call_client_streaming(
        &self,
        path: &str,
        ctx: ::connectrpc::RequestContext,
        requests: ::connectrpc::dispatcher::codegen::RequestStream,
        format: ::connectrpc::CodecFormat,
    ) -> ::connectrpc::dispatcher::codegen::UnaryResult {
        let Some(method) = path.strip_prefix("wgcni.node.v1.AttachmentService/") else {
            return ::connectrpc::dispatcher::codegen::unimplemented_unary(path);
        };
        let _ = (&ctx, &requests, &format);
        match method {
            _ => ::connectrpc::dispatcher::codegen::unimplemented_unary(path),
        }
    }
    fn call_bidi_streaming(
        &self,
        path: &str,
        ctx: ::connectrpc::RequestContext,
        requests: ::connectrpc::dispatcher::codegen::RequestStream,
        format: ::connectrpc::CodecFormat,
    ) -> ::connectrpc::dispatcher::codegen::StreamingResult {
        let Some(method) = path.strip_prefix("wgcni.node.v1.AttachmentService/") else {
            return ::connectrpc::dispatcher::codegen::unimplemented_streaming(path);
        };
        let _ = (&ctx, &requests, &format);
        match method {
            _ => ::connectrpc::dispatcher::codegen::unimplemented_streaming(path),
        }
    }
}
/// Client for this service.
///
/// Generic over `T: ClientTransport`. For **gRPC** (HTTP/2), use
/// `Http2Connection` — it has honest `poll_ready` and composes with
/// `tower::balance` for multi-connection load balancing. For **Connect
/// over HTTP/1.1** (or unknown protocol), use `HttpClient`.
///
/// # Example (gRPC / HTTP/2)
///
/// ```rust,ignore
/// use connectrpc::client::{Http2Connection, ClientConfig};
/// use connectrpc::Protocol;
///
/// let uri: http::Uri = "http://localhost:8080".parse()?;
/// let conn = Http2Connection::connect_plaintext(uri.clone()).await?.shared(1024);
/// let config = ClientConfig::new(uri).with_protocol(Protocol::Grpc);
///
/// let client = AttachmentServiceClient::new(conn, config);
/// let response = client.attach(request).await?;
/// ```
///
/// # Example (Connect / HTTP/1.1 or ALPN)
///
/// ```rust,ignore
/// use connectrpc::client::{HttpClient, ClientConfig};
///
/// let http = HttpClient::plaintext();  // cleartext http:// only
/// let config = ClientConfig::new("http://localhost:8080".parse()?);
///
/// let client = AttachmentServiceClient::new(http, config);
/// let response = client.attach(request).await?;
/// ```
///
/// # Working with the response
///
/// Unary calls return [`UnaryResponse<OwnedView<FooView>>`](::connectrpc::client::UnaryResponse).
/// [`view()`](::connectrpc::client::UnaryResponse::view) borrows the response
/// message, so field access is zero-copy:
///
/// ```rust,ignore
/// let resp = client.attach(request).await?;
/// let name: &str = resp.view().name;  // borrow into the response buffer
/// ```
///
/// If you need the owned struct (e.g. to store or pass by value), use
/// [`into_owned()`](::connectrpc::client::UnaryResponse::into_owned):
///
/// ```rust,ignore
/// let owned = client.attach(request).await?.into_owned();
/// ```
///
/// [`into_view()`](::connectrpc::client::UnaryResponse::into_view) keeps the
/// zero-copy decoded body (an `OwnedView`) without copying; field access on it
/// goes through `.reborrow()`. Streaming responses yield one
/// [`StreamMessage`](::connectrpc::StreamMessage) per received message from
/// `.message().await` — read fields zero-copy through the generated accessor
/// methods (`msg.name()`) or `.view()`, or convert with `.to_owned_message()`.
#[derive(Clone)]
pub struct AttachmentServiceClient<T> {
    transport: T,
    config: ::connectrpc::client::ClientConfig,
}
impl<T> AttachmentServiceClient<T>
where
    T: ::connectrpc::client::ClientTransport,
    <T::ResponseBody as ::connectrpc::http_body::Body>::Error: ::std::fmt::Display,
{
    /// Create a new client with the given transport and configuration.
    pub fn new(transport: T, config: ::connectrpc::client::ClientConfig) -> Self {
        Self { transport, config }
    }
    /// Get the client configuration.
    pub fn config(&self) -> &::connectrpc::client::ClientConfig {
        &self.config
    }
    /// Get a mutable reference to the client configuration.
    pub fn config_mut(&mut self) -> &mut ::connectrpc::client::ClientConfig {
        &mut self.config
    }
    /// Call the Attach RPC. Sends a request to /wgcni.node.v1.AttachmentService/Attach.
    pub async fn attach(
        &self,
        request: crate::proto::wgcni::node::v1::AttachRequest,
    ) -> Result<
        ::connectrpc::client::UnaryResponse<
            ::buffa::view::OwnedView<
                crate::proto::wgcni::node::v1::__buffa::view::AttachResponseView<'static>,
            >,
        >,
        ::connectrpc::ConnectError,
    > {
        self.attach_with_options(request, ::connectrpc::client::CallOptions::default())
            .await
    }
    /// Call the Attach RPC with explicit per-call options. Options override [`ClientConfig`](::connectrpc::client::ClientConfig) defaults.
    pub async fn attach_with_options(
        &self,
        request: crate::proto::wgcni::node::v1::AttachRequest,
        options: ::connectrpc::client::CallOptions,
    ) -> Result<
        ::connectrpc::client::UnaryResponse<
            ::buffa::view::OwnedView<
                crate::proto::wgcni::node::v1::__buffa::view::AttachResponseView<'static>,
            >,
        >,
        ::connectrpc::ConnectError,
    > {
        ::connectrpc::client::call_unary(
                &self.transport,
                &self.config,
                ATTACHMENT_SERVICE_ATTACH_SPEC
                    .with_origin(::connectrpc::SpecOrigin::Client),
                request,
                options,
            )
            .await
    }
    /// Call the Detach RPC. Sends a request to /wgcni.node.v1.AttachmentService/Detach.
    pub async fn detach(
        &self,
        request: crate::proto::wgcni::node::v1::DetachRequest,
    ) -> Result<
        ::connectrpc::client::UnaryResponse<
            ::buffa::view::OwnedView<
                crate::proto::wgcni::node::v1::__buffa::view::DetachResponseView<'static>,
            >,
        >,
        ::connectrpc::ConnectError,
    > {
        self.detach_with_options(request, ::connectrpc::client::CallOptions::default())
            .await
    }
    /// Call the Detach RPC with explicit per-call options. Options override [`ClientConfig`](::connectrpc::client::ClientConfig) defaults.
    pub async fn detach_with_options(
        &self,
        request: crate::proto::wgcni::node::v1::DetachRequest,
        options: ::connectrpc::client::CallOptions,
    ) -> Result<
        ::connectrpc::client::UnaryResponse<
            ::buffa::view::OwnedView<
                crate::proto::wgcni::node::v1::__buffa::view::DetachResponseView<'static>,
            >,
        >,
        ::connectrpc::ConnectError,
    > {
        ::connectrpc::client::call_unary(
                &self.transport,
                &self.config,
                ATTACHMENT_SERVICE_DETACH_SPEC
                    .with_origin(::connectrpc::SpecOrigin::Client),
                request,
                options,
            )
            .await
    }
    /// Call the Check RPC. Sends a request to /wgcni.node.v1.AttachmentService/Check.
    pub async fn check(
        &self,
        request: crate::proto::wgcni::node::v1::CheckRequest,
    ) -> Result<
        ::connectrpc::client::UnaryResponse<
            ::buffa::view::OwnedView<
                crate::proto::wgcni::node::v1::__buffa::view::CheckResponseView<'static>,
            >,
        >,
        ::connectrpc::ConnectError,
    > {
        self.check_with_options(request, ::connectrpc::client::CallOptions::default())
            .await
    }
    /// Call the Check RPC with explicit per-call options. Options override [`ClientConfig`](::connectrpc::client::ClientConfig) defaults.
    pub async fn check_with_options(
        &self,
        request: crate::proto::wgcni::node::v1::CheckRequest,
        options: ::connectrpc::client::CallOptions,
    ) -> Result<
        ::connectrpc::client::UnaryResponse<
            ::buffa::view::OwnedView<
                crate::proto::wgcni::node::v1::__buffa::view::CheckResponseView<'static>,
            >,
        >,
        ::connectrpc::ConnectError,
    > {
        ::connectrpc::client::call_unary(
                &self.transport,
                &self.config,
                ATTACHMENT_SERVICE_CHECK_SPEC
                    .with_origin(::connectrpc::SpecOrigin::Client),
                request,
                options,
            )
            .await
    }
    /// Call the Prune RPC. Sends a request to /wgcni.node.v1.AttachmentService/Prune.
    pub async fn prune(
        &self,
        request: crate::proto::wgcni::node::v1::PruneRequest,
    ) -> Result<
        ::connectrpc::client::UnaryResponse<
            ::buffa::view::OwnedView<
                crate::proto::wgcni::node::v1::__buffa::view::PruneResponseView<'static>,
            >,
        >,
        ::connectrpc::ConnectError,
    > {
        self.prune_with_options(request, ::connectrpc::client::CallOptions::default())
            .await
    }
    /// Call the Prune RPC with explicit per-call options. Options override [`ClientConfig`](::connectrpc::client::ClientConfig) defaults.
    pub async fn prune_with_options(
        &self,
        request: crate::proto::wgcni::node::v1::PruneRequest,
        options: ::connectrpc::client::CallOptions,
    ) -> Result<
        ::connectrpc::client::UnaryResponse<
            ::buffa::view::OwnedView<
                crate::proto::wgcni::node::v1::__buffa::view::PruneResponseView<'static>,
            >,
        >,
        ::connectrpc::ConnectError,
    > {
        ::connectrpc::client::call_unary(
                &self.transport,
                &self.config,
                ATTACHMENT_SERVICE_PRUNE_SPEC
                    .with_origin(::connectrpc::SpecOrigin::Client),
                request,
                options,
            )
            .await
    }
    /// Call the Reclaim RPC. Sends a request to /wgcni.node.v1.AttachmentService/Reclaim.
    pub async fn reclaim(
        &self,
        request: crate::proto::wgcni::node::v1::ReclaimRequest,
    ) -> Result<
        ::connectrpc::client::UnaryResponse<
            ::buffa::view::OwnedView<
                crate::proto::wgcni::node::v1::__buffa::view::ReclaimResponseView<
                    'static,
                >,
            >,
        >,
        ::connectrpc::ConnectError,
    > {
        self.reclaim_with_options(request, ::connectrpc::client::CallOptions::default())
            .await
    }
    /// Call the Reclaim RPC with explicit per-call options. Options override [`ClientConfig`](::connectrpc::client::ClientConfig) defaults.
    pub async fn reclaim_with_options(
        &self,
        request: crate::proto::wgcni::node::v1::ReclaimRequest,
        options: ::connectrpc::client::CallOptions,
    ) -> Result<
        ::connectrpc::client::UnaryResponse<
            ::buffa::view::OwnedView<
                crate::proto::wgcni::node::v1::__buffa::view::ReclaimResponseView<
                    'static,
                >,
            >,
        >,
        ::connectrpc::ConnectError,
    > {
        ::connectrpc::client::call_unary(
                &self.transport,
                &self.config,
                ATTACHMENT_SERVICE_RECLAIM_SPEC
                    .with_origin(::connectrpc::SpecOrigin::Client),
                request,
                options,
            )
            .await
    }
    /// Call the Status RPC. Sends a request to /wgcni.node.v1.AttachmentService/Status.
    pub async fn status(
        &self,
        request: crate::proto::wgcni::node::v1::StatusRequest,
    ) -> Result<
        ::connectrpc::client::UnaryResponse<
            ::buffa::view::OwnedView<
                crate::proto::wgcni::node::v1::__buffa::view::StatusResponseView<'static>,
            >,
        >,
        ::connectrpc::ConnectError,
    > {
        self.status_with_options(request, ::connectrpc::client::CallOptions::default())
            .await
    }
    /// Call the Status RPC with explicit per-call options. Options override [`ClientConfig`](::connectrpc::client::ClientConfig) defaults.
    pub async fn status_with_options(
        &self,
        request: crate::proto::wgcni::node::v1::StatusRequest,
        options: ::connectrpc::client::CallOptions,
    ) -> Result<
        ::connectrpc::client::UnaryResponse<
            ::buffa::view::OwnedView<
                crate::proto::wgcni::node::v1::__buffa::view::StatusResponseView<'static>,
            >,
        >,
        ::connectrpc::ConnectError,
    > {
        ::connectrpc::client::call_unary(
                &self.transport,
                &self.config,
                ATTACHMENT_SERVICE_STATUS_SPEC
                    .with_origin(::connectrpc::SpecOrigin::Client),
                request,
                options,
            )
            .await
    }
}
