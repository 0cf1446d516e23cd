///Shorthand for `OwnedView<CreateTicketRequestView<'static>>`.
pub type OwnedCreateTicketRequestView = ::buffa::view::OwnedView<
    crate::proto::wgcni::admin::v1::__buffa::view::CreateTicketRequestView<'static>,
>;
///Shorthand for `OwnedView<CreateTicketResponseView<'static>>`.
pub type OwnedCreateTicketResponseView = ::buffa::view::OwnedView<
    crate::proto::wgcni::admin::v1::__buffa::view::CreateTicketResponseView<'static>,
>;
///Shorthand for `OwnedView<ListTicketsRequestView<'static>>`.
pub type OwnedListTicketsRequestView = ::buffa::view::OwnedView<
    crate::proto::wgcni::admin::v1::__buffa::view::ListTicketsRequestView<'static>,
>;
///Shorthand for `OwnedView<ListTicketsResponseView<'static>>`.
pub type OwnedListTicketsResponseView = ::buffa::view::OwnedView<
    crate::proto::wgcni::admin::v1::__buffa::view::ListTicketsResponseView<'static>,
>;
///Shorthand for `OwnedView<RevokeTicketRequestView<'static>>`.
pub type OwnedRevokeTicketRequestView = ::buffa::view::OwnedView<
    crate::proto::wgcni::admin::v1::__buffa::view::RevokeTicketRequestView<'static>,
>;
///Shorthand for `OwnedView<RevokeTicketResponseView<'static>>`.
pub type OwnedRevokeTicketResponseView = ::buffa::view::OwnedView<
    crate::proto::wgcni::admin::v1::__buffa::view::RevokeTicketResponseView<'static>,
>;
///Shorthand for `OwnedView<ShowSecurityKeyRequestView<'static>>`.
pub type OwnedShowSecurityKeyRequestView = ::buffa::view::OwnedView<
    crate::proto::wgcni::admin::v1::__buffa::view::ShowSecurityKeyRequestView<'static>,
>;
///Shorthand for `OwnedView<ShowSecurityKeyResponseView<'static>>`.
pub type OwnedShowSecurityKeyResponseView = ::buffa::view::OwnedView<
    crate::proto::wgcni::admin::v1::__buffa::view::ShowSecurityKeyResponseView<'static>,
>;
///Shorthand for `OwnedView<RotateSecurityKeyRequestView<'static>>`.
pub type OwnedRotateSecurityKeyRequestView = ::buffa::view::OwnedView<
    crate::proto::wgcni::admin::v1::__buffa::view::RotateSecurityKeyRequestView<'static>,
>;
///Shorthand for `OwnedView<RotateSecurityKeyResponseView<'static>>`.
pub type OwnedRotateSecurityKeyResponseView = ::buffa::view::OwnedView<
    crate::proto::wgcni::admin::v1::__buffa::view::RotateSecurityKeyResponseView<'static>,
>;
///Shorthand for `OwnedView<CreateTokenRequestView<'static>>`.
pub type OwnedCreateTokenRequestView = ::buffa::view::OwnedView<
    crate::proto::wgcni::admin::v1::__buffa::view::CreateTokenRequestView<'static>,
>;
///Shorthand for `OwnedView<CreateTokenResponseView<'static>>`.
pub type OwnedCreateTokenResponseView = ::buffa::view::OwnedView<
    crate::proto::wgcni::admin::v1::__buffa::view::CreateTokenResponseView<'static>,
>;
///Shorthand for `OwnedView<ListTokensRequestView<'static>>`.
pub type OwnedListTokensRequestView = ::buffa::view::OwnedView<
    crate::proto::wgcni::admin::v1::__buffa::view::ListTokensRequestView<'static>,
>;
///Shorthand for `OwnedView<ListTokensResponseView<'static>>`.
pub type OwnedListTokensResponseView = ::buffa::view::OwnedView<
    crate::proto::wgcni::admin::v1::__buffa::view::ListTokensResponseView<'static>,
>;
///Shorthand for `OwnedView<RevokeTokenRequestView<'static>>`.
pub type OwnedRevokeTokenRequestView = ::buffa::view::OwnedView<
    crate::proto::wgcni::admin::v1::__buffa::view::RevokeTokenRequestView<'static>,
>;
///Shorthand for `OwnedView<RevokeTokenResponseView<'static>>`.
pub type OwnedRevokeTokenResponseView = ::buffa::view::OwnedView<
    crate::proto::wgcni::admin::v1::__buffa::view::RevokeTokenResponseView<'static>,
>;
///Shorthand for `OwnedView<ListMembersRequestView<'static>>`.
pub type OwnedListMembersRequestView = ::buffa::view::OwnedView<
    crate::proto::wgcni::admin::v1::__buffa::view::ListMembersRequestView<'static>,
>;
///Shorthand for `OwnedView<ListMembersResponseView<'static>>`.
pub type OwnedListMembersResponseView = ::buffa::view::OwnedView<
    crate::proto::wgcni::admin::v1::__buffa::view::ListMembersResponseView<'static>,
>;
///Shorthand for `OwnedView<AddNodeRequestView<'static>>`.
pub type OwnedAddNodeRequestView = ::buffa::view::OwnedView<
    crate::proto::wgcni::admin::v1::__buffa::view::AddNodeRequestView<'static>,
>;
///Shorthand for `OwnedView<AddNodeResponseView<'static>>`.
pub type OwnedAddNodeResponseView = ::buffa::view::OwnedView<
    crate::proto::wgcni::admin::v1::__buffa::view::AddNodeResponseView<'static>,
>;
///Shorthand for `OwnedView<RevokeMemberRequestView<'static>>`.
pub type OwnedRevokeMemberRequestView = ::buffa::view::OwnedView<
    crate::proto::wgcni::admin::v1::__buffa::view::RevokeMemberRequestView<'static>,
>;
///Shorthand for `OwnedView<RevokeMemberResponseView<'static>>`.
pub type OwnedRevokeMemberResponseView = ::buffa::view::OwnedView<
    crate::proto::wgcni::admin::v1::__buffa::view::RevokeMemberResponseView<'static>,
>;
///Shorthand for `OwnedView<RemoveMemberRequestView<'static>>`.
pub type OwnedRemoveMemberRequestView = ::buffa::view::OwnedView<
    crate::proto::wgcni::admin::v1::__buffa::view::RemoveMemberRequestView<'static>,
>;
///Shorthand for `OwnedView<RemoveMemberResponseView<'static>>`.
pub type OwnedRemoveMemberResponseView = ::buffa::view::OwnedView<
    crate::proto::wgcni::admin::v1::__buffa::view::RemoveMemberResponseView<'static>,
>;
///Shorthand for `OwnedView<ListAuditRequestView<'static>>`.
pub type OwnedListAuditRequestView = ::buffa::view::OwnedView<
    crate::proto::wgcni::admin::v1::__buffa::view::ListAuditRequestView<'static>,
>;
///Shorthand for `OwnedView<ListAuditResponseView<'static>>`.
pub type OwnedListAuditResponseView = ::buffa::view::OwnedView<
    crate::proto::wgcni::admin::v1::__buffa::view::ListAuditResponseView<'static>,
>;
///Shorthand for `OwnedView<StatusRequestView<'static>>`.
pub type OwnedStatusRequestView = ::buffa::view::OwnedView<
    crate::proto::wgcni::admin::v1::__buffa::view::StatusRequestView<'static>,
>;
///Shorthand for `OwnedView<StatusResponseView<'static>>`.
pub type OwnedStatusResponseView = ::buffa::view::OwnedView<
    crate::proto::wgcni::admin::v1::__buffa::view::StatusResponseView<'static>,
>;
impl ::connectrpc::Encodable<crate::proto::wgcni::admin::v1::CreateTicketResponse>
for crate::proto::wgcni::admin::v1::__buffa::view::CreateTicketResponseView<'_> {
    fn encode(
        &self,
        codec: ::connectrpc::CodecFormat,
    ) -> ::std::result::Result<::buffa::bytes::Bytes, ::connectrpc::ConnectError> {
        ::connectrpc::__codegen::encode_view_body(self, codec)
    }
}
impl ::connectrpc::Encodable<crate::proto::wgcni::admin::v1::CreateTicketResponse>
for ::buffa::view::OwnedView<
    crate::proto::wgcni::admin::v1::__buffa::view::CreateTicketResponseView<'static>,
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
impl ::connectrpc::Encodable<crate::proto::wgcni::admin::v1::ListTicketsResponse>
for crate::proto::wgcni::admin::v1::__buffa::view::ListTicketsResponseView<'_> {
    fn encode(
        &self,
        codec: ::connectrpc::CodecFormat,
    ) -> ::std::result::Result<::buffa::bytes::Bytes, ::connectrpc::ConnectError> {
        ::connectrpc::__codegen::encode_view_body(self, codec)
    }
}
impl ::connectrpc::Encodable<crate::proto::wgcni::admin::v1::ListTicketsResponse>
for ::buffa::view::OwnedView<
    crate::proto::wgcni::admin::v1::__buffa::view::ListTicketsResponseView<'static>,
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
impl ::connectrpc::Encodable<crate::proto::wgcni::admin::v1::RevokeTicketResponse>
for crate::proto::wgcni::admin::v1::__buffa::view::RevokeTicketResponseView<'_> {
    fn encode(
        &self,
        codec: ::connectrpc::CodecFormat,
    ) -> ::std::result::Result<::buffa::bytes::Bytes, ::connectrpc::ConnectError> {
        ::connectrpc::__codegen::encode_view_body(self, codec)
    }
}
impl ::connectrpc::Encodable<crate::proto::wgcni::admin::v1::RevokeTicketResponse>
for ::buffa::view::OwnedView<
    crate::proto::wgcni::admin::v1::__buffa::view::RevokeTicketResponseView<'static>,
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
impl ::connectrpc::Encodable<crate::proto::wgcni::admin::v1::ShowSecurityKeyResponse>
for crate::proto::wgcni::admin::v1::__buffa::view::ShowSecurityKeyResponseView<'_> {
    fn encode(
        &self,
        codec: ::connectrpc::CodecFormat,
    ) -> ::std::result::Result<::buffa::bytes::Bytes, ::connectrpc::ConnectError> {
        ::connectrpc::__codegen::encode_view_body(self, codec)
    }
}
impl ::connectrpc::Encodable<crate::proto::wgcni::admin::v1::ShowSecurityKeyResponse>
for ::buffa::view::OwnedView<
    crate::proto::wgcni::admin::v1::__buffa::view::ShowSecurityKeyResponseView<'static>,
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
impl ::connectrpc::Encodable<crate::proto::wgcni::admin::v1::RotateSecurityKeyResponse>
for crate::proto::wgcni::admin::v1::__buffa::view::RotateSecurityKeyResponseView<'_> {
    fn encode(
        &self,
        codec: ::connectrpc::CodecFormat,
    ) -> ::std::result::Result<::buffa::bytes::Bytes, ::connectrpc::ConnectError> {
        ::connectrpc::__codegen::encode_view_body(self, codec)
    }
}
impl ::connectrpc::Encodable<crate::proto::wgcni::admin::v1::RotateSecurityKeyResponse>
for ::buffa::view::OwnedView<
    crate::proto::wgcni::admin::v1::__buffa::view::RotateSecurityKeyResponseView<'static>,
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
impl ::connectrpc::Encodable<crate::proto::wgcni::admin::v1::CreateTokenResponse>
for crate::proto::wgcni::admin::v1::__buffa::view::CreateTokenResponseView<'_> {
    fn encode(
        &self,
        codec: ::connectrpc::CodecFormat,
    ) -> ::std::result::Result<::buffa::bytes::Bytes, ::connectrpc::ConnectError> {
        ::connectrpc::__codegen::encode_view_body(self, codec)
    }
}
impl ::connectrpc::Encodable<crate::proto::wgcni::admin::v1::CreateTokenResponse>
for ::buffa::view::OwnedView<
    crate::proto::wgcni::admin::v1::__buffa::view::CreateTokenResponseView<'static>,
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
impl ::connectrpc::Encodable<crate::proto::wgcni::admin::v1::ListTokensResponse>
for crate::proto::wgcni::admin::v1::__buffa::view::ListTokensResponseView<'_> {
    fn encode(
        &self,
        codec: ::connectrpc::CodecFormat,
    ) -> ::std::result::Result<::buffa::bytes::Bytes, ::connectrpc::ConnectError> {
        ::connectrpc::__codegen::encode_view_body(self, codec)
    }
}
impl ::connectrpc::Encodable<crate::proto::wgcni::admin::v1::ListTokensResponse>
for ::buffa::view::OwnedView<
    crate::proto::wgcni::admin::v1::__buffa::view::ListTokensResponseView<'static>,
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
impl ::connectrpc::Encodable<crate::proto::wgcni::admin::v1::RevokeTokenResponse>
for crate::proto::wgcni::admin::v1::__buffa::view::RevokeTokenResponseView<'_> {
    fn encode(
        &self,
        codec: ::connectrpc::CodecFormat,
    ) -> ::std::result::Result<::buffa::bytes::Bytes, ::connectrpc::ConnectError> {
        ::connectrpc::__codegen::encode_view_body(self, codec)
    }
}
impl ::connectrpc::Encodable<crate::proto::wgcni::admin::v1::RevokeTokenResponse>
for ::buffa::view::OwnedView<
    crate::proto::wgcni::admin::v1::__buffa::view::RevokeTokenResponseView<'static>,
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
impl ::connectrpc::Encodable<crate::proto::wgcni::admin::v1::ListMembersResponse>
for crate::proto::wgcni::admin::v1::__buffa::view::ListMembersResponseView<'_> {
    fn encode(
        &self,
        codec: ::connectrpc::CodecFormat,
    ) -> ::std::result::Result<::buffa::bytes::Bytes, ::connectrpc::ConnectError> {
        ::connectrpc::__codegen::encode_view_body(self, codec)
    }
}
impl ::connectrpc::Encodable<crate::proto::wgcni::admin::v1::ListMembersResponse>
for ::buffa::view::OwnedView<
    crate::proto::wgcni::admin::v1::__buffa::view::ListMembersResponseView<'static>,
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
impl ::connectrpc::Encodable<crate::proto::wgcni::admin::v1::AddNodeResponse>
for crate::proto::wgcni::admin::v1::__buffa::view::AddNodeResponseView<'_> {
    fn encode(
        &self,
        codec: ::connectrpc::CodecFormat,
    ) -> ::std::result::Result<::buffa::bytes::Bytes, ::connectrpc::ConnectError> {
        ::connectrpc::__codegen::encode_view_body(self, codec)
    }
}
impl ::connectrpc::Encodable<crate::proto::wgcni::admin::v1::AddNodeResponse>
for ::buffa::view::OwnedView<
    crate::proto::wgcni::admin::v1::__buffa::view::AddNodeResponseView<'static>,
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
impl ::connectrpc::Encodable<crate::proto::wgcni::admin::v1::RevokeMemberResponse>
for crate::proto::wgcni::admin::v1::__buffa::view::RevokeMemberResponseView<'_> {
    fn encode(
        &self,
        codec: ::connectrpc::CodecFormat,
    ) -> ::std::result::Result<::buffa::bytes::Bytes, ::connectrpc::ConnectError> {
        ::connectrpc::__codegen::encode_view_body(self, codec)
    }
}
impl ::connectrpc::Encodable<crate::proto::wgcni::admin::v1::RevokeMemberResponse>
for ::buffa::view::OwnedView<
    crate::proto::wgcni::admin::v1::__buffa::view::RevokeMemberResponseView<'static>,
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
impl ::connectrpc::Encodable<crate::proto::wgcni::admin::v1::RemoveMemberResponse>
for crate::proto::wgcni::admin::v1::__buffa::view::RemoveMemberResponseView<'_> {
    fn encode(
        &self,
        codec: ::connectrpc::CodecFormat,
    ) -> ::std::result::Result<::buffa::bytes::Bytes, ::connectrpc::ConnectError> {
        ::connectrpc::__codegen::encode_view_body(self, codec)
    }
}
impl ::connectrpc::Encodable<crate::proto::wgcni::admin::v1::RemoveMemberResponse>
for ::buffa::view::OwnedView<
    crate::proto::wgcni::admin::v1::__buffa::view::RemoveMemberResponseView<'static>,
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
impl ::connectrpc::Encodable<crate::proto::wgcni::admin::v1::ListAuditResponse>
for crate::proto::wgcni::admin::v1::__buffa::view::ListAuditResponseView<'_> {
    fn encode(
        &self,
        codec: ::connectrpc::CodecFormat,
    ) -> ::std::result::Result<::buffa::bytes::Bytes, ::connectrpc::ConnectError> {
        ::connectrpc::__codegen::encode_view_body(self, codec)
    }
}
impl ::connectrpc::Encodable<crate::proto::wgcni::admin::v1::ListAuditResponse>
for ::buffa::view::OwnedView<
    crate::proto::wgcni::admin::v1::__buffa::view::ListAuditResponseView<'static>,
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
impl ::connectrpc::Encodable<crate::proto::wgcni::admin::v1::StatusResponse>
for crate::proto::wgcni::admin::v1::__buffa::view::StatusResponseView<'_> {
    fn encode(
        &self,
        codec: ::connectrpc::CodecFormat,
    ) -> ::std::result::Result<::buffa::bytes::Bytes, ::connectrpc::ConnectError> {
        ::connectrpc::__codegen::encode_view_body(self, codec)
    }
}
impl ::connectrpc::Encodable<crate::proto::wgcni::admin::v1::StatusResponse>
for ::buffa::view::OwnedView<
    crate::proto::wgcni::admin::v1::__buffa::view::StatusResponseView<'static>,
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
pub const ADMIN_SERVICE_SERVICE_NAME: &str = "wgcni.admin.v1.AdminService";
/// Static [`Spec`](::connectrpc::Spec) for the `CreateTicket` RPC, as seen by the server; the generated client passes it with [`origin`](::connectrpc::Spec::origin) `Client` (compare across sides with [`Spec::same_method`](::connectrpc::Spec::same_method)).
pub const ADMIN_SERVICE_CREATE_TICKET_SPEC: ::connectrpc::Spec = ::connectrpc::Spec::server(
        "/wgcni.admin.v1.AdminService/CreateTicket",
        ::connectrpc::StreamType::Unary,
    )
    .with_idempotency_level(::connectrpc::IdempotencyLevel::Unknown);
/// Static [`Spec`](::connectrpc::Spec) for the `ListTickets` RPC, as seen by the server; the generated client passes it with [`origin`](::connectrpc::Spec::origin) `Client` (compare across sides with [`Spec::same_method`](::connectrpc::Spec::same_method)).
pub const ADMIN_SERVICE_LIST_TICKETS_SPEC: ::connectrpc::Spec = ::connectrpc::Spec::server(
        "/wgcni.admin.v1.AdminService/ListTickets",
        ::connectrpc::StreamType::Unary,
    )
    .with_idempotency_level(::connectrpc::IdempotencyLevel::Unknown);
/// Static [`Spec`](::connectrpc::Spec) for the `RevokeTicket` RPC, as seen by the server; the generated client passes it with [`origin`](::connectrpc::Spec::origin) `Client` (compare across sides with [`Spec::same_method`](::connectrpc::Spec::same_method)).
pub const ADMIN_SERVICE_REVOKE_TICKET_SPEC: ::connectrpc::Spec = ::connectrpc::Spec::server(
        "/wgcni.admin.v1.AdminService/RevokeTicket",
        ::connectrpc::StreamType::Unary,
    )
    .with_idempotency_level(::connectrpc::IdempotencyLevel::Unknown);
/// Static [`Spec`](::connectrpc::Spec) for the `ShowSecurityKey` RPC, as seen by the server; the generated client passes it with [`origin`](::connectrpc::Spec::origin) `Client` (compare across sides with [`Spec::same_method`](::connectrpc::Spec::same_method)).
pub const ADMIN_SERVICE_SHOW_SECURITY_KEY_SPEC: ::connectrpc::Spec = ::connectrpc::Spec::server(
        "/wgcni.admin.v1.AdminService/ShowSecurityKey",
        ::connectrpc::StreamType::Unary,
    )
    .with_idempotency_level(::connectrpc::IdempotencyLevel::Unknown);
/// Static [`Spec`](::connectrpc::Spec) for the `RotateSecurityKey` RPC, as seen by the server; the generated client passes it with [`origin`](::connectrpc::Spec::origin) `Client` (compare across sides with [`Spec::same_method`](::connectrpc::Spec::same_method)).
pub const ADMIN_SERVICE_ROTATE_SECURITY_KEY_SPEC: ::connectrpc::Spec = ::connectrpc::Spec::server(
        "/wgcni.admin.v1.AdminService/RotateSecurityKey",
        ::connectrpc::StreamType::Unary,
    )
    .with_idempotency_level(::connectrpc::IdempotencyLevel::Unknown);
/// Static [`Spec`](::connectrpc::Spec) for the `CreateToken` RPC, as seen by the server; the generated client passes it with [`origin`](::connectrpc::Spec::origin) `Client` (compare across sides with [`Spec::same_method`](::connectrpc::Spec::same_method)).
pub const ADMIN_SERVICE_CREATE_TOKEN_SPEC: ::connectrpc::Spec = ::connectrpc::Spec::server(
        "/wgcni.admin.v1.AdminService/CreateToken",
        ::connectrpc::StreamType::Unary,
    )
    .with_idempotency_level(::connectrpc::IdempotencyLevel::Unknown);
/// Static [`Spec`](::connectrpc::Spec) for the `ListTokens` RPC, as seen by the server; the generated client passes it with [`origin`](::connectrpc::Spec::origin) `Client` (compare across sides with [`Spec::same_method`](::connectrpc::Spec::same_method)).
pub const ADMIN_SERVICE_LIST_TOKENS_SPEC: ::connectrpc::Spec = ::connectrpc::Spec::server(
        "/wgcni.admin.v1.AdminService/ListTokens",
        ::connectrpc::StreamType::Unary,
    )
    .with_idempotency_level(::connectrpc::IdempotencyLevel::Unknown);
/// Static [`Spec`](::connectrpc::Spec) for the `RevokeToken` RPC, as seen by the server; the generated client passes it with [`origin`](::connectrpc::Spec::origin) `Client` (compare across sides with [`Spec::same_method`](::connectrpc::Spec::same_method)).
pub const ADMIN_SERVICE_REVOKE_TOKEN_SPEC: ::connectrpc::Spec = ::connectrpc::Spec::server(
        "/wgcni.admin.v1.AdminService/RevokeToken",
        ::connectrpc::StreamType::Unary,
    )
    .with_idempotency_level(::connectrpc::IdempotencyLevel::Unknown);
/// Static [`Spec`](::connectrpc::Spec) for the `ListMembers` RPC, as seen by the server; the generated client passes it with [`origin`](::connectrpc::Spec::origin) `Client` (compare across sides with [`Spec::same_method`](::connectrpc::Spec::same_method)).
pub const ADMIN_SERVICE_LIST_MEMBERS_SPEC: ::connectrpc::Spec = ::connectrpc::Spec::server(
        "/wgcni.admin.v1.AdminService/ListMembers",
        ::connectrpc::StreamType::Unary,
    )
    .with_idempotency_level(::connectrpc::IdempotencyLevel::Unknown);
/// Static [`Spec`](::connectrpc::Spec) for the `AddNode` RPC, as seen by the server; the generated client passes it with [`origin`](::connectrpc::Spec::origin) `Client` (compare across sides with [`Spec::same_method`](::connectrpc::Spec::same_method)).
pub const ADMIN_SERVICE_ADD_NODE_SPEC: ::connectrpc::Spec = ::connectrpc::Spec::server(
        "/wgcni.admin.v1.AdminService/AddNode",
        ::connectrpc::StreamType::Unary,
    )
    .with_idempotency_level(::connectrpc::IdempotencyLevel::Unknown);
/// Static [`Spec`](::connectrpc::Spec) for the `RevokeMember` RPC, as seen by the server; the generated client passes it with [`origin`](::connectrpc::Spec::origin) `Client` (compare across sides with [`Spec::same_method`](::connectrpc::Spec::same_method)).
pub const ADMIN_SERVICE_REVOKE_MEMBER_SPEC: ::connectrpc::Spec = ::connectrpc::Spec::server(
        "/wgcni.admin.v1.AdminService/RevokeMember",
        ::connectrpc::StreamType::Unary,
    )
    .with_idempotency_level(::connectrpc::IdempotencyLevel::Unknown);
/// Static [`Spec`](::connectrpc::Spec) for the `RemoveMember` RPC, as seen by the server; the generated client passes it with [`origin`](::connectrpc::Spec::origin) `Client` (compare across sides with [`Spec::same_method`](::connectrpc::Spec::same_method)).
pub const ADMIN_SERVICE_REMOVE_MEMBER_SPEC: ::connectrpc::Spec = ::connectrpc::Spec::server(
        "/wgcni.admin.v1.AdminService/RemoveMember",
        ::connectrpc::StreamType::Unary,
    )
    .with_idempotency_level(::connectrpc::IdempotencyLevel::Unknown);
/// Static [`Spec`](::connectrpc::Spec) for the `ListAudit` RPC, as seen by the server; the generated client passes it with [`origin`](::connectrpc::Spec::origin) `Client` (compare across sides with [`Spec::same_method`](::connectrpc::Spec::same_method)).
pub const ADMIN_SERVICE_LIST_AUDIT_SPEC: ::connectrpc::Spec = ::connectrpc::Spec::server(
        "/wgcni.admin.v1.AdminService/ListAudit",
        ::connectrpc::StreamType::Unary,
    )
    .with_idempotency_level(::connectrpc::IdempotencyLevel::Unknown);
/// Static [`Spec`](::connectrpc::Spec) for the `Status` RPC, as seen by the server; the generated client passes it with [`origin`](::connectrpc::Spec::origin) `Client` (compare across sides with [`Spec::same_method`](::connectrpc::Spec::same_method)).
pub const ADMIN_SERVICE_STATUS_SPEC: ::connectrpc::Spec = ::connectrpc::Spec::server(
        "/wgcni.admin.v1.AdminService/Status",
        ::connectrpc::StreamType::Unary,
    )
    .with_idempotency_level(::connectrpc::IdempotencyLevel::Unknown);
/// For operators on the main listener, and for root on the cluster-manager's own unix
/// socket. Everything that changes something, and every look at a secret, is audited.
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
pub trait AdminService: Send + Sync + 'static {
    /// Makes a ticket that lets somebody join.
    ///
    /// `'a` lets the response body borrow from `&self` (e.g. server-resident state).
    ///
    /// `request` is borrowed from the request body and is valid for the
    /// duration of the call; message fields are read directly on it
    /// (zero-copy). The response cannot borrow from `request` — use
    /// `.to_owned_message()` (or copy the specific fields) for anything
    /// returned, stored, or moved into `tokio::spawn`.
    fn create_ticket<'a>(
        &'a self,
        ctx: ::connectrpc::RequestContext,
        request: ::connectrpc::ServiceRequest<
            '_,
            crate::proto::wgcni::admin::v1::CreateTicketRequest,
        >,
    ) -> impl ::std::future::Future<
        Output = ::connectrpc::ServiceResult<
            impl ::connectrpc::Encodable<
                crate::proto::wgcni::admin::v1::CreateTicketResponse,
            > + Send + use<'a, Self>,
        >,
    > + Send;
    /// Lists tickets, those that are used up or over included until they are removed.
    ///
    /// `'a` lets the response body borrow from `&self` (e.g. server-resident state).
    ///
    /// `request` is borrowed from the request body and is valid for the
    /// duration of the call; message fields are read directly on it
    /// (zero-copy). The response cannot borrow from `request` — use
    /// `.to_owned_message()` (or copy the specific fields) for anything
    /// returned, stored, or moved into `tokio::spawn`.
    fn list_tickets<'a>(
        &'a self,
        ctx: ::connectrpc::RequestContext,
        request: ::connectrpc::ServiceRequest<
            '_,
            crate::proto::wgcni::admin::v1::ListTicketsRequest,
        >,
    ) -> impl ::std::future::Future<
        Output = ::connectrpc::ServiceResult<
            impl ::connectrpc::Encodable<
                crate::proto::wgcni::admin::v1::ListTicketsResponse,
            > + Send + use<'a, Self>,
        >,
    > + Send;
    /// Takes a ticket back, and revokes whoever joined with it.
    ///
    /// NOT_FOUND: no such ticket.
    ///
    /// `'a` lets the response body borrow from `&self` (e.g. server-resident state).
    ///
    /// `request` is borrowed from the request body and is valid for the
    /// duration of the call; message fields are read directly on it
    /// (zero-copy). The response cannot borrow from `request` — use
    /// `.to_owned_message()` (or copy the specific fields) for anything
    /// returned, stored, or moved into `tokio::spawn`.
    fn revoke_ticket<'a>(
        &'a self,
        ctx: ::connectrpc::RequestContext,
        request: ::connectrpc::ServiceRequest<
            '_,
            crate::proto::wgcni::admin::v1::RevokeTicketRequest,
        >,
    ) -> impl ::std::future::Future<
        Output = ::connectrpc::ServiceResult<
            impl ::connectrpc::Encodable<
                crate::proto::wgcni::admin::v1::RevokeTicketResponse,
            > + Send + use<'a, Self>,
        >,
    > + Send;
    /// Shows the security key of the day.
    ///
    /// `'a` lets the response body borrow from `&self` (e.g. server-resident state).
    ///
    /// `request` is borrowed from the request body and is valid for the
    /// duration of the call; message fields are read directly on it
    /// (zero-copy). The response cannot borrow from `request` — use
    /// `.to_owned_message()` (or copy the specific fields) for anything
    /// returned, stored, or moved into `tokio::spawn`.
    fn show_security_key<'a>(
        &'a self,
        ctx: ::connectrpc::RequestContext,
        request: ::connectrpc::ServiceRequest<
            '_,
            crate::proto::wgcni::admin::v1::ShowSecurityKeyRequest,
        >,
    ) -> impl ::std::future::Future<
        Output = ::connectrpc::ServiceResult<
            impl ::connectrpc::Encodable<
                crate::proto::wgcni::admin::v1::ShowSecurityKeyResponse,
            > + Send + use<'a, Self>,
        >,
    > + Send;
    /// Makes the security key another one at once.
    ///
    /// `'a` lets the response body borrow from `&self` (e.g. server-resident state).
    ///
    /// `request` is borrowed from the request body and is valid for the
    /// duration of the call; message fields are read directly on it
    /// (zero-copy). The response cannot borrow from `request` — use
    /// `.to_owned_message()` (or copy the specific fields) for anything
    /// returned, stored, or moved into `tokio::spawn`.
    fn rotate_security_key<'a>(
        &'a self,
        ctx: ::connectrpc::RequestContext,
        request: ::connectrpc::ServiceRequest<
            '_,
            crate::proto::wgcni::admin::v1::RotateSecurityKeyRequest,
        >,
    ) -> impl ::std::future::Future<
        Output = ::connectrpc::ServiceResult<
            impl ::connectrpc::Encodable<
                crate::proto::wgcni::admin::v1::RotateSecurityKeyResponse,
            > + Send + use<'a, Self>,
        >,
    > + Send;
    /// Makes a token with which a program reads the security key over REST.
    ///
    /// `'a` lets the response body borrow from `&self` (e.g. server-resident state).
    ///
    /// `request` is borrowed from the request body and is valid for the
    /// duration of the call; message fields are read directly on it
    /// (zero-copy). The response cannot borrow from `request` — use
    /// `.to_owned_message()` (or copy the specific fields) for anything
    /// returned, stored, or moved into `tokio::spawn`.
    fn create_token<'a>(
        &'a self,
        ctx: ::connectrpc::RequestContext,
        request: ::connectrpc::ServiceRequest<
            '_,
            crate::proto::wgcni::admin::v1::CreateTokenRequest,
        >,
    ) -> impl ::std::future::Future<
        Output = ::connectrpc::ServiceResult<
            impl ::connectrpc::Encodable<
                crate::proto::wgcni::admin::v1::CreateTokenResponse,
            > + Send + use<'a, Self>,
        >,
    > + Send;
    /// Lists tokens, without their secrets.
    ///
    /// `'a` lets the response body borrow from `&self` (e.g. server-resident state).
    ///
    /// `request` is borrowed from the request body and is valid for the
    /// duration of the call; message fields are read directly on it
    /// (zero-copy). The response cannot borrow from `request` — use
    /// `.to_owned_message()` (or copy the specific fields) for anything
    /// returned, stored, or moved into `tokio::spawn`.
    fn list_tokens<'a>(
        &'a self,
        ctx: ::connectrpc::RequestContext,
        request: ::connectrpc::ServiceRequest<
            '_,
            crate::proto::wgcni::admin::v1::ListTokensRequest,
        >,
    ) -> impl ::std::future::Future<
        Output = ::connectrpc::ServiceResult<
            impl ::connectrpc::Encodable<
                crate::proto::wgcni::admin::v1::ListTokensResponse,
            > + Send + use<'a, Self>,
        >,
    > + Send;
    /// Takes a token back.
    ///
    /// NOT_FOUND: no such token.
    ///
    /// `'a` lets the response body borrow from `&self` (e.g. server-resident state).
    ///
    /// `request` is borrowed from the request body and is valid for the
    /// duration of the call; message fields are read directly on it
    /// (zero-copy). The response cannot borrow from `request` — use
    /// `.to_owned_message()` (or copy the specific fields) for anything
    /// returned, stored, or moved into `tokio::spawn`.
    fn revoke_token<'a>(
        &'a self,
        ctx: ::connectrpc::RequestContext,
        request: ::connectrpc::ServiceRequest<
            '_,
            crate::proto::wgcni::admin::v1::RevokeTokenRequest,
        >,
    ) -> impl ::std::future::Future<
        Output = ::connectrpc::ServiceResult<
            impl ::connectrpc::Encodable<
                crate::proto::wgcni::admin::v1::RevokeTokenResponse,
            > + Send + use<'a, Self>,
        >,
    > + Send;
    /// Lists members: nodes, operators, and keys on the whitelist that have not joined.
    ///
    /// `'a` lets the response body borrow from `&self` (e.g. server-resident state).
    ///
    /// `request` is borrowed from the request body and is valid for the
    /// duration of the call; message fields are read directly on it
    /// (zero-copy). The response cannot borrow from `request` — use
    /// `.to_owned_message()` (or copy the specific fields) for anything
    /// returned, stored, or moved into `tokio::spawn`.
    fn list_members<'a>(
        &'a self,
        ctx: ::connectrpc::RequestContext,
        request: ::connectrpc::ServiceRequest<
            '_,
            crate::proto::wgcni::admin::v1::ListMembersRequest,
        >,
    ) -> impl ::std::future::Future<
        Output = ::connectrpc::ServiceResult<
            impl ::connectrpc::Encodable<
                crate::proto::wgcni::admin::v1::ListMembersResponse,
            > + Send + use<'a, Self>,
        >,
    > + Send;
    /// Puts a mesh key on the whitelist.
    ///
    /// ALREADY_EXISTS: the name or the key is taken.
    ///
    /// `'a` lets the response body borrow from `&self` (e.g. server-resident state).
    ///
    /// `request` is borrowed from the request body and is valid for the
    /// duration of the call; message fields are read directly on it
    /// (zero-copy). The response cannot borrow from `request` — use
    /// `.to_owned_message()` (or copy the specific fields) for anything
    /// returned, stored, or moved into `tokio::spawn`.
    fn add_node<'a>(
        &'a self,
        ctx: ::connectrpc::RequestContext,
        request: ::connectrpc::ServiceRequest<
            '_,
            crate::proto::wgcni::admin::v1::AddNodeRequest,
        >,
    ) -> impl ::std::future::Future<
        Output = ::connectrpc::ServiceResult<
            impl ::connectrpc::Encodable<
                crate::proto::wgcni::admin::v1::AddNodeResponse,
            > + Send + use<'a, Self>,
        >,
    > + Send;
    /// Revokes a member: its connections are cut, it is out of the mesh, its lease rests
    /// until every node has acknowledged that. Revoking a revoked member is success.
    ///
    /// NOT_FOUND: no such member.
    ///
    /// `'a` lets the response body borrow from `&self` (e.g. server-resident state).
    ///
    /// `request` is borrowed from the request body and is valid for the
    /// duration of the call; message fields are read directly on it
    /// (zero-copy). The response cannot borrow from `request` — use
    /// `.to_owned_message()` (or copy the specific fields) for anything
    /// returned, stored, or moved into `tokio::spawn`.
    fn revoke_member<'a>(
        &'a self,
        ctx: ::connectrpc::RequestContext,
        request: ::connectrpc::ServiceRequest<
            '_,
            crate::proto::wgcni::admin::v1::RevokeMemberRequest,
        >,
    ) -> impl ::std::future::Future<
        Output = ::connectrpc::ServiceResult<
            impl ::connectrpc::Encodable<
                crate::proto::wgcni::admin::v1::RevokeMemberResponse,
            > + Send + use<'a, Self>,
        >,
    > + Send;
    /// Revokes a member and frees its name. Its keys stay refused.
    ///
    /// NOT_FOUND: no such member.
    ///
    /// `'a` lets the response body borrow from `&self` (e.g. server-resident state).
    ///
    /// `request` is borrowed from the request body and is valid for the
    /// duration of the call; message fields are read directly on it
    /// (zero-copy). The response cannot borrow from `request` — use
    /// `.to_owned_message()` (or copy the specific fields) for anything
    /// returned, stored, or moved into `tokio::spawn`.
    fn remove_member<'a>(
        &'a self,
        ctx: ::connectrpc::RequestContext,
        request: ::connectrpc::ServiceRequest<
            '_,
            crate::proto::wgcni::admin::v1::RemoveMemberRequest,
        >,
    ) -> impl ::std::future::Future<
        Output = ::connectrpc::ServiceResult<
            impl ::connectrpc::Encodable<
                crate::proto::wgcni::admin::v1::RemoveMemberResponse,
            > + Send + use<'a, Self>,
        >,
    > + Send;
    /// Lists the audit log.
    ///
    /// `'a` lets the response body borrow from `&self` (e.g. server-resident state).
    ///
    /// `request` is borrowed from the request body and is valid for the
    /// duration of the call; message fields are read directly on it
    /// (zero-copy). The response cannot borrow from `request` — use
    /// `.to_owned_message()` (or copy the specific fields) for anything
    /// returned, stored, or moved into `tokio::spawn`.
    fn list_audit<'a>(
        &'a self,
        ctx: ::connectrpc::RequestContext,
        request: ::connectrpc::ServiceRequest<
            '_,
            crate::proto::wgcni::admin::v1::ListAuditRequest,
        >,
    ) -> impl ::std::future::Future<
        Output = ::connectrpc::ServiceResult<
            impl ::connectrpc::Encodable<
                crate::proto::wgcni::admin::v1::ListAuditResponse,
            > + Send + use<'a, Self>,
        >,
    > + Send;
    /// Says how the cluster is.
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
            crate::proto::wgcni::admin::v1::StatusRequest,
        >,
    ) -> impl ::std::future::Future<
        Output = ::connectrpc::ServiceResult<
            impl ::connectrpc::Encodable<
                crate::proto::wgcni::admin::v1::StatusResponse,
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
pub trait AdminServiceExt: AdminService {
    /// Register this service implementation with a Router.
    ///
    /// Takes ownership of the `Arc<Self>` and returns a new Router with
    /// this service's methods registered.
    fn register(
        self: ::std::sync::Arc<Self>,
        router: ::connectrpc::Router,
    ) -> ::connectrpc::Router;
}
impl<S: AdminService> AdminServiceExt for S {
    fn register(
        self: ::std::sync::Arc<Self>,
        router: ::connectrpc::Router,
    ) -> ::connectrpc::Router {
        router
            .route_view(
                ADMIN_SERVICE_SERVICE_NAME,
                "CreateTicket",
                {
                    let svc = ::std::sync::Arc::clone(&self);
                    ::connectrpc::view_handler_fn(move |
                        ctx,
                        req: ::buffa::view::OwnedView<
                            crate::proto::wgcni::admin::v1::__buffa::view::CreateTicketRequestView<
                                'static,
                            >,
                        >,
                        format|
                    {
                        let svc = ::std::sync::Arc::clone(&svc);
                        async move {
                            let sreq = ::connectrpc::ServiceRequest::<
                                crate::proto::wgcni::admin::v1::CreateTicketRequest,
                            >::from_parts(req.reborrow(), req.bytes());
                            svc.create_ticket(ctx, sreq)
                                .await?
                                .encode::<
                                    crate::proto::wgcni::admin::v1::CreateTicketResponse,
                                >(format)
                        }
                    })
                },
            )
            .with_spec(ADMIN_SERVICE_CREATE_TICKET_SPEC)
            .route_view(
                ADMIN_SERVICE_SERVICE_NAME,
                "ListTickets",
                {
                    let svc = ::std::sync::Arc::clone(&self);
                    ::connectrpc::view_handler_fn(move |
                        ctx,
                        req: ::buffa::view::OwnedView<
                            crate::proto::wgcni::admin::v1::__buffa::view::ListTicketsRequestView<
                                'static,
                            >,
                        >,
                        format|
                    {
                        let svc = ::std::sync::Arc::clone(&svc);
                        async move {
                            let sreq = ::connectrpc::ServiceRequest::<
                                crate::proto::wgcni::admin::v1::ListTicketsRequest,
                            >::from_parts(req.reborrow(), req.bytes());
                            svc.list_tickets(ctx, sreq)
                                .await?
                                .encode::<
                                    crate::proto::wgcni::admin::v1::ListTicketsResponse,
                                >(format)
                        }
                    })
                },
            )
            .with_spec(ADMIN_SERVICE_LIST_TICKETS_SPEC)
            .route_view(
                ADMIN_SERVICE_SERVICE_NAME,
                "RevokeTicket",
                {
                    let svc = ::std::sync::Arc::clone(&self);
                    ::connectrpc::view_handler_fn(move |
                        ctx,
                        req: ::buffa::view::OwnedView<
                            crate::proto::wgcni::admin::v1::__buffa::view::RevokeTicketRequestView<
                                'static,
                            >,
                        >,
                        format|
                    {
                        let svc = ::std::sync::Arc::clone(&svc);
                        async move {
                            let sreq = ::connectrpc::ServiceRequest::<
                                crate::proto::wgcni::admin::v1::RevokeTicketRequest,
                            >::from_parts(req.reborrow(), req.bytes());
                            svc.revoke_ticket(ctx, sreq)
                                .await?
                                .encode::<
                                    crate::proto::wgcni::admin::v1::RevokeTicketResponse,
                                >(format)
                        }
                    })
                },
            )
            .with_spec(ADMIN_SERVICE_REVOKE_TICKET_SPEC)
            .route_view(
                ADMIN_SERVICE_SERVICE_NAME,
                "ShowSecurityKey",
                {
                    let svc = ::std::sync::Arc::clone(&self);
                    ::connectrpc::view_handler_fn(move |
                        ctx,
                        req: ::buffa::view::OwnedView<
                            crate::proto::wgcni::admin::v1::__buffa::view::ShowSecurityKeyRequestView<
                                'static,
                            >,
                        >,
                        format|
                    {
                        let svc = ::std::sync::Arc::clone(&svc);
                        async move {
                            let sreq = ::connectrpc::ServiceRequest::<
                                crate::proto::wgcni::admin::v1::ShowSecurityKeyRequest,
                            >::from_parts(req.reborrow(), req.bytes());
                            svc.show_security_key(ctx, sreq)
                                .await?
                                .encode::<
                                    crate::proto::wgcni::admin::v1::ShowSecurityKeyResponse,
                                >(format)
                        }
                    })
                },
            )
            .with_spec(ADMIN_SERVICE_SHOW_SECURITY_KEY_SPEC)
            .route_view(
                ADMIN_SERVICE_SERVICE_NAME,
                "RotateSecurityKey",
                {
                    let svc = ::std::sync::Arc::clone(&self);
                    ::connectrpc::view_handler_fn(move |
                        ctx,
                        req: ::buffa::view::OwnedView<
                            crate::proto::wgcni::admin::v1::__buffa::view::RotateSecurityKeyRequestView<
                                'static,
                            >,
                        >,
                        format|
                    {
                        let svc = ::std::sync::Arc::clone(&svc);
                        async move {
                            let sreq = ::connectrpc::ServiceRequest::<
                                crate::proto::wgcni::admin::v1::RotateSecurityKeyRequest,
                            >::from_parts(req.reborrow(), req.bytes());
                            svc.rotate_security_key(ctx, sreq)
                                .await?
                                .encode::<
                                    crate::proto::wgcni::admin::v1::RotateSecurityKeyResponse,
                                >(format)
                        }
                    })
                },
            )
            .with_spec(ADMIN_SERVICE_ROTATE_SECURITY_KEY_SPEC)
            .route_view(
                ADMIN_SERVICE_SERVICE_NAME,
                "CreateToken",
                {
                    let svc = ::std::sync::Arc::clone(&self);
                    ::connectrpc::view_handler_fn(move |
                        ctx,
                        req: ::buffa::view::OwnedView<
                            crate::proto::wgcni::admin::v1::__buffa::view::CreateTokenRequestView<
                                'static,
                            >,
                        >,
                        format|
                    {
                        let svc = ::std::sync::Arc::clone(&svc);
                        async move {
                            let sreq = ::connectrpc::ServiceRequest::<
                                crate::proto::wgcni::admin::v1::CreateTokenRequest,
                            >::from_parts(req.reborrow(), req.bytes());
                            svc.create_token(ctx, sreq)
                                .await?
                                .encode::<
                                    crate::proto::wgcni::admin::v1::CreateTokenResponse,
                                >(format)
                        }
                    })
                },
            )
            .with_spec(ADMIN_SERVICE_CREATE_TOKEN_SPEC)
            .route_view(
                ADMIN_SERVICE_SERVICE_NAME,
                "ListTokens",
                {
                    let svc = ::std::sync::Arc::clone(&self);
                    ::connectrpc::view_handler_fn(move |
                        ctx,
                        req: ::buffa::view::OwnedView<
                            crate::proto::wgcni::admin::v1::__buffa::view::ListTokensRequestView<
                                'static,
                            >,
                        >,
                        format|
                    {
                        let svc = ::std::sync::Arc::clone(&svc);
                        async move {
                            let sreq = ::connectrpc::ServiceRequest::<
                                crate::proto::wgcni::admin::v1::ListTokensRequest,
                            >::from_parts(req.reborrow(), req.bytes());
                            svc.list_tokens(ctx, sreq)
                                .await?
                                .encode::<
                                    crate::proto::wgcni::admin::v1::ListTokensResponse,
                                >(format)
                        }
                    })
                },
            )
            .with_spec(ADMIN_SERVICE_LIST_TOKENS_SPEC)
            .route_view(
                ADMIN_SERVICE_SERVICE_NAME,
                "RevokeToken",
                {
                    let svc = ::std::sync::Arc::clone(&self);
                    ::connectrpc::view_handler_fn(move |
                        ctx,
                        req: ::buffa::view::OwnedView<
                            crate::proto::wgcni::admin::v1::__buffa::view::RevokeTokenRequestView<
                                'static,
                            >,
                        >,
                        format|
                    {
                        let svc = ::std::sync::Arc::clone(&svc);
                        async move {
                            let sreq = ::connectrpc::ServiceRequest::<
                                crate::proto::wgcni::admin::v1::RevokeTokenRequest,
                            >::from_parts(req.reborrow(), req.bytes());
                            svc.revoke_token(ctx, sreq)
                                .await?
                                .encode::<
                                    crate::proto::wgcni::admin::v1::RevokeTokenResponse,
                                >(format)
                        }
                    })
                },
            )
            .with_spec(ADMIN_SERVICE_REVOKE_TOKEN_SPEC)
            .route_view(
                ADMIN_SERVICE_SERVICE_NAME,
                "ListMembers",
                {
                    let svc = ::std::sync::Arc::clone(&self);
                    ::connectrpc::view_handler_fn(move |
                        ctx,
                        req: ::buffa::view::OwnedView<
                            crate::proto::wgcni::admin::v1::__buffa::view::ListMembersRequestView<
                                'static,
                            >,
                        >,
                        format|
                    {
                        let svc = ::std::sync::Arc::clone(&svc);
                        async move {
                            let sreq = ::connectrpc::ServiceRequest::<
                                crate::proto::wgcni::admin::v1::ListMembersRequest,
                            >::from_parts(req.reborrow(), req.bytes());
                            svc.list_members(ctx, sreq)
                                .await?
                                .encode::<
                                    crate::proto::wgcni::admin::v1::ListMembersResponse,
                                >(format)
                        }
                    })
                },
            )
            .with_spec(ADMIN_SERVICE_LIST_MEMBERS_SPEC)
            .route_view(
                ADMIN_SERVICE_SERVICE_NAME,
                "AddNode",
                {
                    let svc = ::std::sync::Arc::clone(&self);
                    ::connectrpc::view_handler_fn(move |
                        ctx,
                        req: ::buffa::view::OwnedView<
                            crate::proto::wgcni::admin::v1::__buffa::view::AddNodeRequestView<
                                'static,
                            >,
                        >,
                        format|
                    {
                        let svc = ::std::sync::Arc::clone(&svc);
                        async move {
                            let sreq = ::connectrpc::ServiceRequest::<
                                crate::proto::wgcni::admin::v1::AddNodeRequest,
                            >::from_parts(req.reborrow(), req.bytes());
                            svc.add_node(ctx, sreq)
                                .await?
                                .encode::<
                                    crate::proto::wgcni::admin::v1::AddNodeResponse,
                                >(format)
                        }
                    })
                },
            )
            .with_spec(ADMIN_SERVICE_ADD_NODE_SPEC)
            .route_view(
                ADMIN_SERVICE_SERVICE_NAME,
                "RevokeMember",
                {
                    let svc = ::std::sync::Arc::clone(&self);
                    ::connectrpc::view_handler_fn(move |
                        ctx,
                        req: ::buffa::view::OwnedView<
                            crate::proto::wgcni::admin::v1::__buffa::view::RevokeMemberRequestView<
                                'static,
                            >,
                        >,
                        format|
                    {
                        let svc = ::std::sync::Arc::clone(&svc);
                        async move {
                            let sreq = ::connectrpc::ServiceRequest::<
                                crate::proto::wgcni::admin::v1::RevokeMemberRequest,
                            >::from_parts(req.reborrow(), req.bytes());
                            svc.revoke_member(ctx, sreq)
                                .await?
                                .encode::<
                                    crate::proto::wgcni::admin::v1::RevokeMemberResponse,
                                >(format)
                        }
                    })
                },
            )
            .with_spec(ADMIN_SERVICE_REVOKE_MEMBER_SPEC)
            .route_view(
                ADMIN_SERVICE_SERVICE_NAME,
                "RemoveMember",
                {
                    let svc = ::std::sync::Arc::clone(&self);
                    ::connectrpc::view_handler_fn(move |
                        ctx,
                        req: ::buffa::view::OwnedView<
                            crate::proto::wgcni::admin::v1::__buffa::view::RemoveMemberRequestView<
                                'static,
                            >,
                        >,
                        format|
                    {
                        let svc = ::std::sync::Arc::clone(&svc);
                        async move {
                            let sreq = ::connectrpc::ServiceRequest::<
                                crate::proto::wgcni::admin::v1::RemoveMemberRequest,
                            >::from_parts(req.reborrow(), req.bytes());
                            svc.remove_member(ctx, sreq)
                                .await?
                                .encode::<
                                    crate::proto::wgcni::admin::v1::RemoveMemberResponse,
                                >(format)
                        }
                    })
                },
            )
            .with_spec(ADMIN_SERVICE_REMOVE_MEMBER_SPEC)
            .route_view(
                ADMIN_SERVICE_SERVICE_NAME,
                "ListAudit",
                {
                    let svc = ::std::sync::Arc::clone(&self);
                    ::connectrpc::view_handler_fn(move |
                        ctx,
                        req: ::buffa::view::OwnedView<
                            crate::proto::wgcni::admin::v1::__buffa::view::ListAuditRequestView<
                                'static,
                            >,
                        >,
                        format|
                    {
                        let svc = ::std::sync::Arc::clone(&svc);
                        async move {
                            let sreq = ::connectrpc::ServiceRequest::<
                                crate::proto::wgcni::admin::v1::ListAuditRequest,
                            >::from_parts(req.reborrow(), req.bytes());
                            svc.list_audit(ctx, sreq)
                                .await?
                                .encode::<
                                    crate::proto::wgcni::admin::v1::ListAuditResponse,
                                >(format)
                        }
                    })
                },
            )
            .with_spec(ADMIN_SERVICE_LIST_AUDIT_SPEC)
            .route_view(
                ADMIN_SERVICE_SERVICE_NAME,
                "Status",
                {
                    let svc = ::std::sync::Arc::clone(&self);
                    ::connectrpc::view_handler_fn(move |
                        ctx,
                        req: ::buffa::view::OwnedView<
                            crate::proto::wgcni::admin::v1::__buffa::view::StatusRequestView<
                                'static,
                            >,
                        >,
                        format|
                    {
                        let svc = ::std::sync::Arc::clone(&svc);
                        async move {
                            let sreq = ::connectrpc::ServiceRequest::<
                                crate::proto::wgcni::admin::v1::StatusRequest,
                            >::from_parts(req.reborrow(), req.bytes());
                            svc.status(ctx, sreq)
                                .await?
                                .encode::<
                                    crate::proto::wgcni::admin::v1::StatusResponse,
                                >(format)
                        }
                    })
                },
            )
            .with_spec(ADMIN_SERVICE_STATUS_SPEC)
    }
}
/// Type-inference marker used by [`Router::add_service`](::connectrpc::Router::add_service).
#[doc(hidden)]
pub struct AdminServiceRegisterMarker;
impl<S: AdminService> ::connectrpc::ServiceRegister<AdminServiceRegisterMarker>
for ::std::sync::Arc<S> {
    fn register_service(self, router: ::connectrpc::Router) -> ::connectrpc::Router {
        <S as AdminServiceExt>::register(self, router)
    }
}
/// Monomorphic dispatcher for `AdminService`.
///
/// Unlike `.register(Router)` which type-erases each method into an `Arc<dyn ErasedHandler>` stored in a `HashMap`, this struct dispatches via a compile-time `match` on method name: no vtable, no hash lookup.
///
/// # Example
///
/// ```rust,ignore
/// use connectrpc::ConnectRpcService;
///
/// let server = AdminServiceServer::new(MyImpl);
/// let service = ConnectRpcService::new(server);
/// // hand `service` to axum/hyper as a fallback_service
/// ```
pub struct AdminServiceServer<T> {
    inner: ::std::sync::Arc<T>,
}
impl<T: AdminService> AdminServiceServer<T> {
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
impl<T> Clone for AdminServiceServer<T> {
    fn clone(&self) -> Self {
        Self {
            inner: ::std::sync::Arc::clone(&self.inner),
        }
    }
}
impl<T: AdminService> ::connectrpc::Dispatcher for AdminServiceServer<T> {
    #[inline]
    fn lookup(
        &self,
        path: &str,
    ) -> Option<::connectrpc::dispatcher::codegen::MethodDescriptor> {
        let method = path.strip_prefix("wgcni.admin.v1.AdminService/")?;
        match method {
            "CreateTicket" => {
                Some(
                    ::connectrpc::dispatcher::codegen::MethodDescriptor::unary(false)
                        .with_spec(ADMIN_SERVICE_CREATE_TICKET_SPEC),
                )
            }
            "ListTickets" => {
                Some(
                    ::connectrpc::dispatcher::codegen::MethodDescriptor::unary(false)
                        .with_spec(ADMIN_SERVICE_LIST_TICKETS_SPEC),
                )
            }
            "RevokeTicket" => {
                Some(
                    ::connectrpc::dispatcher::codegen::MethodDescriptor::unary(false)
                        .with_spec(ADMIN_SERVICE_REVOKE_TICKET_SPEC),
                )
            }
            "ShowSecurityKey" => {
                Some(
                    ::connectrpc::dispatcher::codegen::MethodDescriptor::unary(false)
                        .with_spec(ADMIN_SERVICE_SHOW_SECURITY_KEY_SPEC),
                )
            }
            "RotateSecurityKey" => {
                Some(
                    ::connectrpc::dispatcher::codegen::MethodDescriptor::unary(false)
                        .with_spec(ADMIN_SERVICE_ROTATE_SECURITY_KEY_SPEC),
                )
            }
            "CreateToken" => {
                Some(
                    ::connectrpc::dispatcher::codegen::MethodDescriptor::unary(false)
                        .with_spec(ADMIN_SERVICE_CREATE_TOKEN_SPEC),
                )
            }
            "ListTokens" => {
                Some(
                    ::connectrpc::dispatcher::codegen::MethodDescriptor::unary(false)
                        .with_spec(ADMIN_SERVICE_LIST_TOKENS_SPEC),
                )
            }
            "RevokeToken" => {
                Some(
                    ::connectrpc::dispatcher::codegen::MethodDescriptor::unary(false)
                        .with_spec(ADMIN_SERVICE_REVOKE_TOKEN_SPEC),
                )
            }
            "ListMembers" => {
                Some(
                    ::connectrpc::dispatcher::codegen::MethodDescriptor::unary(false)
                        .with_spec(ADMIN_SERVICE_LIST_MEMBERS_SPEC),
                )
            }
            "AddNode" => {
                Some(
                    ::connectrpc::dispatcher::codegen::MethodDescriptor::unary(false)
                        .with_spec(ADMIN_SERVICE_ADD_NODE_SPEC),
                )
            }
            "RevokeMember" => {
                Some(
                    ::connectrpc::dispatcher::codegen::MethodDescriptor::unary(false)
                        .with_spec(ADMIN_SERVICE_REVOKE_MEMBER_SPEC),
                )
            }
            "RemoveMember" => {
                Some(
                    ::connectrpc::dispatcher::codegen::MethodDescriptor::unary(false)
                        .with_spec(ADMIN_SERVICE_REMOVE_MEMBER_SPEC),
                )
            }
            "ListAudit" => {
                Some(
                    ::connectrpc::dispatcher::codegen::MethodDescriptor::unary(false)
                        .with_spec(ADMIN_SERVICE_LIST_AUDIT_SPEC),
                )
            }
            "Status" => {
                Some(
                    ::connectrpc::dispatcher::codegen::MethodDescriptor::unary(false)
                        .with_spec(ADMIN_SERVICE_STATUS_SPEC),
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
        let Some(method) = path.strip_prefix("wgcni.admin.v1.AdminService/") else {
            return ::connectrpc::dispatcher::codegen::unimplemented_unary(path);
        };
        let _ = (&ctx, &request, &format);
        match method {
            "CreateTicket" => {
                let svc = ::std::sync::Arc::clone(&self.inner);
                Box::pin(async move {
                    let body = ::connectrpc::dispatcher::codegen::request_proto_bytes::<
                        crate::proto::wgcni::admin::v1::CreateTicketRequest,
                    >(request.encoded()?, format)?;
                    let req: crate::proto::wgcni::admin::v1::__buffa::view::CreateTicketRequestView<
                        '_,
                    > = ::connectrpc::dispatcher::codegen::decode_borrowed_request_view(
                        &body,
                        ctx.decode_options(),
                    )?;
                    let req = ::connectrpc::ServiceRequest::<
                        crate::proto::wgcni::admin::v1::CreateTicketRequest,
                    >::from_parts(&req, &body);
                    svc.create_ticket(ctx, req)
                        .await?
                        .encode::<
                            crate::proto::wgcni::admin::v1::CreateTicketResponse,
                        >(format)
                })
            }
            "ListTickets" => {
                let svc = ::std::sync::Arc::clone(&self.inner);
                Box::pin(async move {
                    let body = ::connectrpc::dispatcher::codegen::request_proto_bytes::<
                        crate::proto::wgcni::admin::v1::ListTicketsRequest,
                    >(request.encoded()?, format)?;
                    let req: crate::proto::wgcni::admin::v1::__buffa::view::ListTicketsRequestView<
                        '_,
                    > = ::connectrpc::dispatcher::codegen::decode_borrowed_request_view(
                        &body,
                        ctx.decode_options(),
                    )?;
                    let req = ::connectrpc::ServiceRequest::<
                        crate::proto::wgcni::admin::v1::ListTicketsRequest,
                    >::from_parts(&req, &body);
                    svc.list_tickets(ctx, req)
                        .await?
                        .encode::<
                            crate::proto::wgcni::admin::v1::ListTicketsResponse,
                        >(format)
                })
            }
            "RevokeTicket" => {
                let svc = ::std::sync::Arc::clone(&self.inner);
                Box::pin(async move {
                    let body = ::connectrpc::dispatcher::codegen::request_proto_bytes::<
                        crate::proto::wgcni::admin::v1::RevokeTicketRequest,
                    >(request.encoded()?, format)?;
                    let req: crate::proto::wgcni::admin::v1::__buffa::view::RevokeTicketRequestView<
                        '_,
                    > = ::connectrpc::dispatcher::codegen::decode_borrowed_request_view(
                        &body,
                        ctx.decode_options(),
                    )?;
                    let req = ::connectrpc::ServiceRequest::<
                        crate::proto::wgcni::admin::v1::RevokeTicketRequest,
                    >::from_parts(&req, &body);
                    svc.revoke_ticket(ctx, req)
                        .await?
                        .encode::<
                            crate::proto::wgcni::admin::v1::RevokeTicketResponse,
                        >(format)
                })
            }
            "ShowSecurityKey" => {
                let svc = ::std::sync::Arc::clone(&self.inner);
                Box::pin(async move {
                    let body = ::connectrpc::dispatcher::codegen::request_proto_bytes::<
                        crate::proto::wgcni::admin::v1::ShowSecurityKeyRequest,
                    >(request.encoded()?, format)?;
                    let req: crate::proto::wgcni::admin::v1::__buffa::view::ShowSecurityKeyRequestView<
                        '_,
                    > = ::connectrpc::dispatcher::codegen::decode_borrowed_request_view(
                        &body,
                        ctx.decode_options(),
                    )?;
                    let req = ::connectrpc::ServiceRequest::<
                        crate::proto::wgcni::admin::v1::ShowSecurityKeyRequest,
                    >::from_parts(&req, &body);
                    svc.show_security_key(ctx, req)
                        .await?
                        .encode::<
                            crate::proto::wgcni::admin::v1::ShowSecurityKeyResponse,
                        >(format)
                })
            }
            "RotateSecurityKey" => {
                let svc = ::std::sync::Arc::clone(&self.inner);
                Box::pin(async move {
                    let body = ::connectrpc::dispatcher::codegen::request_proto_bytes::<
                        crate::proto::wgcni::admin::v1::RotateSecurityKeyRequest,
                    >(request.encoded()?, format)?;
                    let req: crate::proto::wgcni::admin::v1::__buffa::view::RotateSecurityKeyRequestView<
                        '_,
                    > = ::connectrpc::dispatcher::codegen::decode_borrowed_request_view(
                        &body,
                        ctx.decode_options(),
                    )?;
                    let req = ::connectrpc::ServiceRequest::<
                        crate::proto::wgcni::admin::v1::RotateSecurityKeyRequest,
                    >::from_parts(&req, &body);
                    svc.rotate_security_key(ctx, req)
                        .await?
                        .encode::<
                            crate::proto::wgcni::admin::v1::RotateSecurityKeyResponse,
                        >(format)
                })
            }
            "CreateToken" => {
                let svc = ::std::sync::Arc::clone(&self.inner);
                Box::pin(async move {
                    let body = ::connectrpc::dispatcher::codegen::request_proto_bytes::<
                        crate::proto::wgcni::admin::v1::CreateTokenRequest,
                    >(request.encoded()?, format)?;
                    let req: crate::proto::wgcni::admin::v1::__buffa::view::CreateTokenRequestView<
                        '_,
                    > = ::connectrpc::dispatcher::codegen::decode_borrowed_request_view(
                        &body,
                        ctx.decode_options(),
                    )?;
                    let req = ::connectrpc::ServiceRequest::<
                        crate::proto::wgcni::admin::v1::CreateTokenRequest,
                    >::from_parts(&req, &body);
                    svc.create_token(ctx, req)
                        .await?
                        .encode::<
                            crate::proto::wgcni::admin::v1::CreateTokenResponse,
                        >(format)
                })
            }
            "ListTokens" => {
                let svc = ::std::sync::Arc::clone(&self.inner);
                Box::pin(async move {
                    let body = ::connectrpc::dispatcher::codegen::request_proto_bytes::<
                        crate::proto::wgcni::admin::v1::ListTokensRequest,
                    >(request.encoded()?, format)?;
                    let req: crate::proto::wgcni::admin::v1::__buffa::view::ListTokensRequestView<
                        '_,
                    > = ::connectrpc::dispatcher::codegen::decode_borrowed_request_view(
                        &body,
                        ctx.decode_options(),
                    )?;
                    let req = ::connectrpc::ServiceRequest::<
                        crate::proto::wgcni::admin::v1::ListTokensRequest,
                    >::from_parts(&req, &body);
                    svc.list_tokens(ctx, req)
                        .await?
                        .encode::<
                            crate::proto::wgcni::admin::v1::ListTokensResponse,
                        >(format)
                })
            }
            "RevokeToken" => {
                let svc = ::std::sync::Arc::clone(&self.inner);
                Box::pin(async move {
                    let body = ::connectrpc::dispatcher::codegen::request_proto_bytes::<
                        crate::proto::wgcni::admin::v1::RevokeTokenRequest,
                    >(request.encoded()?, format)?;
                    let req: crate::proto::wgcni::admin::v1::__buffa::view::RevokeTokenRequestView<
                        '_,
                    > = ::connectrpc::dispatcher::codegen::decode_borrowed_request_view(
                        &body,
                        ctx.decode_options(),
                    )?;
                    let req = ::connectrpc::ServiceRequest::<
                        crate::proto::wgcni::admin::v1::RevokeTokenRequest,
                    >::from_parts(&req, &body);
                    svc.revoke_token(ctx, req)
                        .await?
                        .encode::<
                            crate::proto::wgcni::admin::v1::RevokeTokenResponse,
                        >(format)
                })
            }
            "ListMembers" => {
                let svc = ::std::sync::Arc::clone(&self.inner);
                Box::pin(async move {
                    let body = ::connectrpc::dispatcher::codegen::request_proto_bytes::<
                        crate::proto::wgcni::admin::v1::ListMembersRequest,
                    >(request.encoded()?, format)?;
                    let req: crate::proto::wgcni::admin::v1::__buffa::view::ListMembersRequestView<
                        '_,
                    > = ::connectrpc::dispatcher::codegen::decode_borrowed_request_view(
                        &body,
                        ctx.decode_options(),
                    )?;
                    let req = ::connectrpc::ServiceRequest::<
                        crate::proto::wgcni::admin::v1::ListMembersRequest,
                    >::from_parts(&req, &body);
                    svc.list_members(ctx, req)
                        .await?
                        .encode::<
                            crate::proto::wgcni::admin::v1::ListMembersResponse,
                        >(format)
                })
            }
            "AddNode" => {
                let svc = ::std::sync::Arc::clone(&self.inner);
                Box::pin(async move {
                    let body = ::connectrpc::dispatcher::codegen::request_proto_bytes::<
                        crate::proto::wgcni::admin::v1::AddNodeRequest,
                    >(request.encoded()?, format)?;
                    let req: crate::proto::wgcni::admin::v1::__buffa::view::AddNodeRequestView<
                        '_,
                    > = ::connectrpc::dispatcher::codegen::decode_borrowed_request_view(
                        &body,
                        ctx.decode_options(),
                    )?;
                    let req = ::connectrpc::ServiceRequest::<
                        crate::proto::wgcni::admin::v1::AddNodeRequest,
                    >::from_parts(&req, &body);
                    svc.add_node(ctx, req)
                        .await?
                        .encode::<
                            crate::proto::wgcni::admin::v1::AddNodeResponse,
                        >(format)
                })
            }
            "RevokeMember" => {
                let svc = ::std::sync::Arc::clone(&self.inner);
                Box::pin(async move {
                    let body = ::connectrpc::dispatcher::codegen::request_proto_bytes::<
                        crate::proto::wgcni::admin::v1::RevokeMemberRequest,
                    >(request.encoded()?, format)?;
                    let req: crate::proto::wgcni::admin::v1::__buffa::view::RevokeMemberRequestView<
                        '_,
                    > = ::connectrpc::dispatcher::codegen::decode_borrowed_request_view(
                        &body,
                        ctx.decode_options(),
                    )?;
                    let req = ::connectrpc::ServiceRequest::<
                        crate::proto::wgcni::admin::v1::RevokeMemberRequest,
                    >::from_parts(&req, &body);
                    svc.revoke_member(ctx, req)
                        .await?
                        .encode::<
                            crate::proto::wgcni::admin::v1::RevokeMemberResponse,
                        >(format)
                })
            }
            "RemoveMember" => {
                let svc = ::std::sync::Arc::clone(&self.inner);
                Box::pin(async move {
                    let body = ::connectrpc::dispatcher::codegen::request_proto_bytes::<
                        crate::proto::wgcni::admin::v1::RemoveMemberRequest,
                    >(request.encoded()?, format)?;
                    let req: crate::proto::wgcni::admin::v1::__buffa::view::RemoveMemberRequestView<
                        '_,
                    > = ::connectrpc::dispatcher::codegen::decode_borrowed_request_view(
                        &body,
                        ctx.decode_options(),
                    )?;
                    let req = ::connectrpc::ServiceRequest::<
                        crate::proto::wgcni::admin::v1::RemoveMemberRequest,
                    >::from_parts(&req, &body);
                    svc.remove_member(ctx, req)
                        .await?
                        .encode::<
                            crate::proto::wgcni::admin::v1::RemoveMemberResponse,
                        >(format)
                })
            }
            "ListAudit" => {
                let svc = ::std::sync::Arc::clone(&self.inner);
                Box::pin(async move {
                    let body = ::connectrpc::dispatcher::codegen::request_proto_bytes::<
                        crate::proto::wgcni::admin::v1::ListAuditRequest,
                    >(request.encoded()?, format)?;
                    let req: crate::proto::wgcni::admin::v1::__buffa::view::ListAuditRequestView<
                        '_,
                    > = ::connectrpc::dispatcher::codegen::decode_borrowed_request_view(
                        &body,
                        ctx.decode_options(),
                    )?;
                    let req = ::connectrpc::ServiceRequest::<
                        crate::proto::wgcni::admin::v1::ListAuditRequest,
                    >::from_parts(&req, &body);
                    svc.list_audit(ctx, req)
                        .await?
                        .encode::<
                            crate::proto::wgcni::admin::v1::ListAuditResponse,
                        >(format)
                })
            }
            "Status" => {
                let svc = ::std::sync::Arc::clone(&self.inner);
                Box::pin(async move {
                    let body = ::connectrpc::dispatcher::codegen::request_proto_bytes::<
                        crate::proto::wgcni::admin::v1::StatusRequest,
                    >(request.encoded()?, format)?;
                    let req: crate::proto::wgcni::admin::v1::__buffa::view::StatusRequestView<
                        '_,
                    > = ::connectrpc::dispatcher::codegen::decode_borrowed_request_view(
                        &body,
                        ctx.decode_options(),
                    )?;
                    let req = ::connectrpc::ServiceRequest::<
                        crate::proto::wgcni::admin::v1::StatusRequest,
                    >::from_parts(&req, &body);
                    svc.status(ctx, req)
                        .await?
                        .encode::<crate::proto::wgcni::admin::v1::StatusResponse>(format)
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
        let Some(method) = path.strip_prefix("wgcni.admin.v1.AdminService/") else {
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
        let Some(method) = path.strip_prefix("wgcni.admin.v1.AdminService/") else {
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
        let Some(method) = path.strip_prefix("wgcni.admin.v1.AdminService/") else {
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
/// let client = AdminServiceClient::new(conn, config);
/// let response = client.create_ticket(request).await?;
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
/// let client = AdminServiceClient::new(http, config);
/// let response = client.create_ticket(request).await?;
/// ```
///
/// # Working with the response
///
/// Unary calls return [`UnaryResponse<OwnedView<FooView>>`](::connectrpc::client::UnaryResponse).
/// [`view()`](::connectrpc::client::UnaryResponse::view) borrows the response
/// message, so field access is zero-copy:
///
/// ```rust,ignore
/// let resp = client.create_ticket(request).await?;
/// let name: &str = resp.view().name;  // borrow into the response buffer
/// ```
///
/// If you need the owned struct (e.g. to store or pass by value), use
/// [`into_owned()`](::connectrpc::client::UnaryResponse::into_owned):
///
/// ```rust,ignore
/// let owned = client.create_ticket(request).await?.into_owned();
/// ```
///
/// [`into_view()`](::connectrpc::client::UnaryResponse::into_view) keeps the
/// zero-copy decoded body (an `OwnedView`) without copying; field access on it
/// goes through `.reborrow()`. Streaming responses yield one
/// [`StreamMessage`](::connectrpc::StreamMessage) per received message from
/// `.message().await` — read fields zero-copy through the generated accessor
/// methods (`msg.name()`) or `.view()`, or convert with `.to_owned_message()`.
#[derive(Clone)]
pub struct AdminServiceClient<T> {
    transport: T,
    config: ::connectrpc::client::ClientConfig,
}
impl<T> AdminServiceClient<T>
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
    /// Call the CreateTicket RPC. Sends a request to /wgcni.admin.v1.AdminService/CreateTicket.
    pub async fn create_ticket(
        &self,
        request: crate::proto::wgcni::admin::v1::CreateTicketRequest,
    ) -> Result<
        ::connectrpc::client::UnaryResponse<
            ::buffa::view::OwnedView<
                crate::proto::wgcni::admin::v1::__buffa::view::CreateTicketResponseView<
                    'static,
                >,
            >,
        >,
        ::connectrpc::ConnectError,
    > {
        self.create_ticket_with_options(
                request,
                ::connectrpc::client::CallOptions::default(),
            )
            .await
    }
    /// Call the CreateTicket RPC with explicit per-call options. Options override [`ClientConfig`](::connectrpc::client::ClientConfig) defaults.
    pub async fn create_ticket_with_options(
        &self,
        request: crate::proto::wgcni::admin::v1::CreateTicketRequest,
        options: ::connectrpc::client::CallOptions,
    ) -> Result<
        ::connectrpc::client::UnaryResponse<
            ::buffa::view::OwnedView<
                crate::proto::wgcni::admin::v1::__buffa::view::CreateTicketResponseView<
                    'static,
                >,
            >,
        >,
        ::connectrpc::ConnectError,
    > {
        ::connectrpc::client::call_unary(
                &self.transport,
                &self.config,
                ADMIN_SERVICE_CREATE_TICKET_SPEC
                    .with_origin(::connectrpc::SpecOrigin::Client),
                request,
                options,
            )
            .await
    }
    /// Call the ListTickets RPC. Sends a request to /wgcni.admin.v1.AdminService/ListTickets.
    pub async fn list_tickets(
        &self,
        request: crate::proto::wgcni::admin::v1::ListTicketsRequest,
    ) -> Result<
        ::connectrpc::client::UnaryResponse<
            ::buffa::view::OwnedView<
                crate::proto::wgcni::admin::v1::__buffa::view::ListTicketsResponseView<
                    'static,
                >,
            >,
        >,
        ::connectrpc::ConnectError,
    > {
        self.list_tickets_with_options(
                request,
                ::connectrpc::client::CallOptions::default(),
            )
            .await
    }
    /// Call the ListTickets RPC with explicit per-call options. Options override [`ClientConfig`](::connectrpc::client::ClientConfig) defaults.
    pub async fn list_tickets_with_options(
        &self,
        request: crate::proto::wgcni::admin::v1::ListTicketsRequest,
        options: ::connectrpc::client::CallOptions,
    ) -> Result<
        ::connectrpc::client::UnaryResponse<
            ::buffa::view::OwnedView<
                crate::proto::wgcni::admin::v1::__buffa::view::ListTicketsResponseView<
                    'static,
                >,
            >,
        >,
        ::connectrpc::ConnectError,
    > {
        ::connectrpc::client::call_unary(
                &self.transport,
                &self.config,
                ADMIN_SERVICE_LIST_TICKETS_SPEC
                    .with_origin(::connectrpc::SpecOrigin::Client),
                request,
                options,
            )
            .await
    }
    /// Call the RevokeTicket RPC. Sends a request to /wgcni.admin.v1.AdminService/RevokeTicket.
    pub async fn revoke_ticket(
        &self,
        request: crate::proto::wgcni::admin::v1::RevokeTicketRequest,
    ) -> Result<
        ::connectrpc::client::UnaryResponse<
            ::buffa::view::OwnedView<
                crate::proto::wgcni::admin::v1::__buffa::view::RevokeTicketResponseView<
                    'static,
                >,
            >,
        >,
        ::connectrpc::ConnectError,
    > {
        self.revoke_ticket_with_options(
                request,
                ::connectrpc::client::CallOptions::default(),
            )
            .await
    }
    /// Call the RevokeTicket RPC with explicit per-call options. Options override [`ClientConfig`](::connectrpc::client::ClientConfig) defaults.
    pub async fn revoke_ticket_with_options(
        &self,
        request: crate::proto::wgcni::admin::v1::RevokeTicketRequest,
        options: ::connectrpc::client::CallOptions,
    ) -> Result<
        ::connectrpc::client::UnaryResponse<
            ::buffa::view::OwnedView<
                crate::proto::wgcni::admin::v1::__buffa::view::RevokeTicketResponseView<
                    'static,
                >,
            >,
        >,
        ::connectrpc::ConnectError,
    > {
        ::connectrpc::client::call_unary(
                &self.transport,
                &self.config,
                ADMIN_SERVICE_REVOKE_TICKET_SPEC
                    .with_origin(::connectrpc::SpecOrigin::Client),
                request,
                options,
            )
            .await
    }
    /// Call the ShowSecurityKey RPC. Sends a request to /wgcni.admin.v1.AdminService/ShowSecurityKey.
    pub async fn show_security_key(
        &self,
        request: crate::proto::wgcni::admin::v1::ShowSecurityKeyRequest,
    ) -> Result<
        ::connectrpc::client::UnaryResponse<
            ::buffa::view::OwnedView<
                crate::proto::wgcni::admin::v1::__buffa::view::ShowSecurityKeyResponseView<
                    'static,
                >,
            >,
        >,
        ::connectrpc::ConnectError,
    > {
        self.show_security_key_with_options(
                request,
                ::connectrpc::client::CallOptions::default(),
            )
            .await
    }
    /// Call the ShowSecurityKey RPC with explicit per-call options. Options override [`ClientConfig`](::connectrpc::client::ClientConfig) defaults.
    pub async fn show_security_key_with_options(
        &self,
        request: crate::proto::wgcni::admin::v1::ShowSecurityKeyRequest,
        options: ::connectrpc::client::CallOptions,
    ) -> Result<
        ::connectrpc::client::UnaryResponse<
            ::buffa::view::OwnedView<
                crate::proto::wgcni::admin::v1::__buffa::view::ShowSecurityKeyResponseView<
                    'static,
                >,
            >,
        >,
        ::connectrpc::ConnectError,
    > {
        ::connectrpc::client::call_unary(
                &self.transport,
                &self.config,
                ADMIN_SERVICE_SHOW_SECURITY_KEY_SPEC
                    .with_origin(::connectrpc::SpecOrigin::Client),
                request,
                options,
            )
            .await
    }
    /// Call the RotateSecurityKey RPC. Sends a request to /wgcni.admin.v1.AdminService/RotateSecurityKey.
    pub async fn rotate_security_key(
        &self,
        request: crate::proto::wgcni::admin::v1::RotateSecurityKeyRequest,
    ) -> Result<
        ::connectrpc::client::UnaryResponse<
            ::buffa::view::OwnedView<
                crate::proto::wgcni::admin::v1::__buffa::view::RotateSecurityKeyResponseView<
                    'static,
                >,
            >,
        >,
        ::connectrpc::ConnectError,
    > {
        self.rotate_security_key_with_options(
                request,
                ::connectrpc::client::CallOptions::default(),
            )
            .await
    }
    /// Call the RotateSecurityKey RPC with explicit per-call options. Options override [`ClientConfig`](::connectrpc::client::ClientConfig) defaults.
    pub async fn rotate_security_key_with_options(
        &self,
        request: crate::proto::wgcni::admin::v1::RotateSecurityKeyRequest,
        options: ::connectrpc::client::CallOptions,
    ) -> Result<
        ::connectrpc::client::UnaryResponse<
            ::buffa::view::OwnedView<
                crate::proto::wgcni::admin::v1::__buffa::view::RotateSecurityKeyResponseView<
                    'static,
                >,
            >,
        >,
        ::connectrpc::ConnectError,
    > {
        ::connectrpc::client::call_unary(
                &self.transport,
                &self.config,
                ADMIN_SERVICE_ROTATE_SECURITY_KEY_SPEC
                    .with_origin(::connectrpc::SpecOrigin::Client),
                request,
                options,
            )
            .await
    }
    /// Call the CreateToken RPC. Sends a request to /wgcni.admin.v1.AdminService/CreateToken.
    pub async fn create_token(
        &self,
        request: crate::proto::wgcni::admin::v1::CreateTokenRequest,
    ) -> Result<
        ::connectrpc::client::UnaryResponse<
            ::buffa::view::OwnedView<
                crate::proto::wgcni::admin::v1::__buffa::view::CreateTokenResponseView<
                    'static,
                >,
            >,
        >,
        ::connectrpc::ConnectError,
    > {
        self.create_token_with_options(
                request,
                ::connectrpc::client::CallOptions::default(),
            )
            .await
    }
    /// Call the CreateToken RPC with explicit per-call options. Options override [`ClientConfig`](::connectrpc::client::ClientConfig) defaults.
    pub async fn create_token_with_options(
        &self,
        request: crate::proto::wgcni::admin::v1::CreateTokenRequest,
        options: ::connectrpc::client::CallOptions,
    ) -> Result<
        ::connectrpc::client::UnaryResponse<
            ::buffa::view::OwnedView<
                crate::proto::wgcni::admin::v1::__buffa::view::CreateTokenResponseView<
                    'static,
                >,
            >,
        >,
        ::connectrpc::ConnectError,
    > {
        ::connectrpc::client::call_unary(
                &self.transport,
                &self.config,
                ADMIN_SERVICE_CREATE_TOKEN_SPEC
                    .with_origin(::connectrpc::SpecOrigin::Client),
                request,
                options,
            )
            .await
    }
    /// Call the ListTokens RPC. Sends a request to /wgcni.admin.v1.AdminService/ListTokens.
    pub async fn list_tokens(
        &self,
        request: crate::proto::wgcni::admin::v1::ListTokensRequest,
    ) -> Result<
        ::connectrpc::client::UnaryResponse<
            ::buffa::view::OwnedView<
                crate::proto::wgcni::admin::v1::__buffa::view::ListTokensResponseView<
                    'static,
                >,
            >,
        >,
        ::connectrpc::ConnectError,
    > {
        self.list_tokens_with_options(
                request,
                ::connectrpc::client::CallOptions::default(),
            )
            .await
    }
    /// Call the ListTokens RPC with explicit per-call options. Options override [`ClientConfig`](::connectrpc::client::ClientConfig) defaults.
    pub async fn list_tokens_with_options(
        &self,
        request: crate::proto::wgcni::admin::v1::ListTokensRequest,
        options: ::connectrpc::client::CallOptions,
    ) -> Result<
        ::connectrpc::client::UnaryResponse<
            ::buffa::view::OwnedView<
                crate::proto::wgcni::admin::v1::__buffa::view::ListTokensResponseView<
                    'static,
                >,
            >,
        >,
        ::connectrpc::ConnectError,
    > {
        ::connectrpc::client::call_unary(
                &self.transport,
                &self.config,
                ADMIN_SERVICE_LIST_TOKENS_SPEC
                    .with_origin(::connectrpc::SpecOrigin::Client),
                request,
                options,
            )
            .await
    }
    /// Call the RevokeToken RPC. Sends a request to /wgcni.admin.v1.AdminService/RevokeToken.
    pub async fn revoke_token(
        &self,
        request: crate::proto::wgcni::admin::v1::RevokeTokenRequest,
    ) -> Result<
        ::connectrpc::client::UnaryResponse<
            ::buffa::view::OwnedView<
                crate::proto::wgcni::admin::v1::__buffa::view::RevokeTokenResponseView<
                    'static,
                >,
            >,
        >,
        ::connectrpc::ConnectError,
    > {
        self.revoke_token_with_options(
                request,
                ::connectrpc::client::CallOptions::default(),
            )
            .await
    }
    /// Call the RevokeToken RPC with explicit per-call options. Options override [`ClientConfig`](::connectrpc::client::ClientConfig) defaults.
    pub async fn revoke_token_with_options(
        &self,
        request: crate::proto::wgcni::admin::v1::RevokeTokenRequest,
        options: ::connectrpc::client::CallOptions,
    ) -> Result<
        ::connectrpc::client::UnaryResponse<
            ::buffa::view::OwnedView<
                crate::proto::wgcni::admin::v1::__buffa::view::RevokeTokenResponseView<
                    'static,
                >,
            >,
        >,
        ::connectrpc::ConnectError,
    > {
        ::connectrpc::client::call_unary(
                &self.transport,
                &self.config,
                ADMIN_SERVICE_REVOKE_TOKEN_SPEC
                    .with_origin(::connectrpc::SpecOrigin::Client),
                request,
                options,
            )
            .await
    }
    /// Call the ListMembers RPC. Sends a request to /wgcni.admin.v1.AdminService/ListMembers.
    pub async fn list_members(
        &self,
        request: crate::proto::wgcni::admin::v1::ListMembersRequest,
    ) -> Result<
        ::connectrpc::client::UnaryResponse<
            ::buffa::view::OwnedView<
                crate::proto::wgcni::admin::v1::__buffa::view::ListMembersResponseView<
                    'static,
                >,
            >,
        >,
        ::connectrpc::ConnectError,
    > {
        self.list_members_with_options(
                request,
                ::connectrpc::client::CallOptions::default(),
            )
            .await
    }
    /// Call the ListMembers RPC with explicit per-call options. Options override [`ClientConfig`](::connectrpc::client::ClientConfig) defaults.
    pub async fn list_members_with_options(
        &self,
        request: crate::proto::wgcni::admin::v1::ListMembersRequest,
        options: ::connectrpc::client::CallOptions,
    ) -> Result<
        ::connectrpc::client::UnaryResponse<
            ::buffa::view::OwnedView<
                crate::proto::wgcni::admin::v1::__buffa::view::ListMembersResponseView<
                    'static,
                >,
            >,
        >,
        ::connectrpc::ConnectError,
    > {
        ::connectrpc::client::call_unary(
                &self.transport,
                &self.config,
                ADMIN_SERVICE_LIST_MEMBERS_SPEC
                    .with_origin(::connectrpc::SpecOrigin::Client),
                request,
                options,
            )
            .await
    }
    /// Call the AddNode RPC. Sends a request to /wgcni.admin.v1.AdminService/AddNode.
    pub async fn add_node(
        &self,
        request: crate::proto::wgcni::admin::v1::AddNodeRequest,
    ) -> Result<
        ::connectrpc::client::UnaryResponse<
            ::buffa::view::OwnedView<
                crate::proto::wgcni::admin::v1::__buffa::view::AddNodeResponseView<
                    'static,
                >,
            >,
        >,
        ::connectrpc::ConnectError,
    > {
        self.add_node_with_options(request, ::connectrpc::client::CallOptions::default())
            .await
    }
    /// Call the AddNode RPC with explicit per-call options. Options override [`ClientConfig`](::connectrpc::client::ClientConfig) defaults.
    pub async fn add_node_with_options(
        &self,
        request: crate::proto::wgcni::admin::v1::AddNodeRequest,
        options: ::connectrpc::client::CallOptions,
    ) -> Result<
        ::connectrpc::client::UnaryResponse<
            ::buffa::view::OwnedView<
                crate::proto::wgcni::admin::v1::__buffa::view::AddNodeResponseView<
                    'static,
                >,
            >,
        >,
        ::connectrpc::ConnectError,
    > {
        ::connectrpc::client::call_unary(
                &self.transport,
                &self.config,
                ADMIN_SERVICE_ADD_NODE_SPEC
                    .with_origin(::connectrpc::SpecOrigin::Client),
                request,
                options,
            )
            .await
    }
    /// Call the RevokeMember RPC. Sends a request to /wgcni.admin.v1.AdminService/RevokeMember.
    pub async fn revoke_member(
        &self,
        request: crate::proto::wgcni::admin::v1::RevokeMemberRequest,
    ) -> Result<
        ::connectrpc::client::UnaryResponse<
            ::buffa::view::OwnedView<
                crate::proto::wgcni::admin::v1::__buffa::view::RevokeMemberResponseView<
                    'static,
                >,
            >,
        >,
        ::connectrpc::ConnectError,
    > {
        self.revoke_member_with_options(
                request,
                ::connectrpc::client::CallOptions::default(),
            )
            .await
    }
    /// Call the RevokeMember RPC with explicit per-call options. Options override [`ClientConfig`](::connectrpc::client::ClientConfig) defaults.
    pub async fn revoke_member_with_options(
        &self,
        request: crate::proto::wgcni::admin::v1::RevokeMemberRequest,
        options: ::connectrpc::client::CallOptions,
    ) -> Result<
        ::connectrpc::client::UnaryResponse<
            ::buffa::view::OwnedView<
                crate::proto::wgcni::admin::v1::__buffa::view::RevokeMemberResponseView<
                    'static,
                >,
            >,
        >,
        ::connectrpc::ConnectError,
    > {
        ::connectrpc::client::call_unary(
                &self.transport,
                &self.config,
                ADMIN_SERVICE_REVOKE_MEMBER_SPEC
                    .with_origin(::connectrpc::SpecOrigin::Client),
                request,
                options,
            )
            .await
    }
    /// Call the RemoveMember RPC. Sends a request to /wgcni.admin.v1.AdminService/RemoveMember.
    pub async fn remove_member(
        &self,
        request: crate::proto::wgcni::admin::v1::RemoveMemberRequest,
    ) -> Result<
        ::connectrpc::client::UnaryResponse<
            ::buffa::view::OwnedView<
                crate::proto::wgcni::admin::v1::__buffa::view::RemoveMemberResponseView<
                    'static,
                >,
            >,
        >,
        ::connectrpc::ConnectError,
    > {
        self.remove_member_with_options(
                request,
                ::connectrpc::client::CallOptions::default(),
            )
            .await
    }
    /// Call the RemoveMember RPC with explicit per-call options. Options override [`ClientConfig`](::connectrpc::client::ClientConfig) defaults.
    pub async fn remove_member_with_options(
        &self,
        request: crate::proto::wgcni::admin::v1::RemoveMemberRequest,
        options: ::connectrpc::client::CallOptions,
    ) -> Result<
        ::connectrpc::client::UnaryResponse<
            ::buffa::view::OwnedView<
                crate::proto::wgcni::admin::v1::__buffa::view::RemoveMemberResponseView<
                    'static,
                >,
            >,
        >,
        ::connectrpc::ConnectError,
    > {
        ::connectrpc::client::call_unary(
                &self.transport,
                &self.config,
                ADMIN_SERVICE_REMOVE_MEMBER_SPEC
                    .with_origin(::connectrpc::SpecOrigin::Client),
                request,
                options,
            )
            .await
    }
    /// Call the ListAudit RPC. Sends a request to /wgcni.admin.v1.AdminService/ListAudit.
    pub async fn list_audit(
        &self,
        request: crate::proto::wgcni::admin::v1::ListAuditRequest,
    ) -> Result<
        ::connectrpc::client::UnaryResponse<
            ::buffa::view::OwnedView<
                crate::proto::wgcni::admin::v1::__buffa::view::ListAuditResponseView<
                    'static,
                >,
            >,
        >,
        ::connectrpc::ConnectError,
    > {
        self.list_audit_with_options(
                request,
                ::connectrpc::client::CallOptions::default(),
            )
            .await
    }
    /// Call the ListAudit RPC with explicit per-call options. Options override [`ClientConfig`](::connectrpc::client::ClientConfig) defaults.
    pub async fn list_audit_with_options(
        &self,
        request: crate::proto::wgcni::admin::v1::ListAuditRequest,
        options: ::connectrpc::client::CallOptions,
    ) -> Result<
        ::connectrpc::client::UnaryResponse<
            ::buffa::view::OwnedView<
                crate::proto::wgcni::admin::v1::__buffa::view::ListAuditResponseView<
                    'static,
                >,
            >,
        >,
        ::connectrpc::ConnectError,
    > {
        ::connectrpc::client::call_unary(
                &self.transport,
                &self.config,
                ADMIN_SERVICE_LIST_AUDIT_SPEC
                    .with_origin(::connectrpc::SpecOrigin::Client),
                request,
                options,
            )
            .await
    }
    /// Call the Status RPC. Sends a request to /wgcni.admin.v1.AdminService/Status.
    pub async fn status(
        &self,
        request: crate::proto::wgcni::admin::v1::StatusRequest,
    ) -> Result<
        ::connectrpc::client::UnaryResponse<
            ::buffa::view::OwnedView<
                crate::proto::wgcni::admin::v1::__buffa::view::StatusResponseView<
                    'static,
                >,
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
        request: crate::proto::wgcni::admin::v1::StatusRequest,
        options: ::connectrpc::client::CallOptions,
    ) -> Result<
        ::connectrpc::client::UnaryResponse<
            ::buffa::view::OwnedView<
                crate::proto::wgcni::admin::v1::__buffa::view::StatusResponseView<
                    'static,
                >,
            >,
        >,
        ::connectrpc::ConnectError,
    > {
        ::connectrpc::client::call_unary(
                &self.transport,
                &self.config,
                ADMIN_SERVICE_STATUS_SPEC.with_origin(::connectrpc::SpecOrigin::Client),
                request,
                options,
            )
            .await
    }
}
