//! What nodes told the cluster-manager of themselves.

use std::collections::BTreeMap;

use connectrpc::ErrorCode;
use wgcni_api::view::Reported;
use wgcni_api::view_v1 as wire;
use wgcni_model::NodeName;

use crate::Failure;
use crate::reach::Reach;
use crate::table::clean;

/// The last report of each node.
pub(crate) type Told = BTreeMap<NodeName, Reported>;

/// Asks for what nodes told; none: the cluster-manager is older than reports.
pub(crate) async fn told(reach: &Reach, links: bool) -> Result<Option<Told>, Failure> {
    let (mut all, mut after) = (Told::new(), String::new());
    loop {
        let request = wire::ListReportsRequest { after, links, ..Default::default() };
        let page = match reach.cluster.view.list_reports(request).await {
            // What is not served, the cluster-manager's table allows to nobody.
            Err(error) if error.code == ErrorCode::Unimplemented => return Ok(None),
            Err(error)
                if error.code == ErrorCode::PermissionDenied
                    && error
                        .message
                        .as_deref()
                        .is_some_and(|m| m.starts_with("this is not for")) =>
            {
                return Ok(None);
            }
            answer => reach.answer(answer)?.into_owned(),
        };
        for report in page.reports {
            let mut told = Reported::try_from(report).map_err(|error| {
                let error = clean(&error.to_string());
                Failure::failed(format!("the cluster-manager's answer: {error}"))
            })?;
            told.report.links.sort_by(|a, b| a.node.cmp(&b.node));
            all.insert(told.report.node.clone(), told);
        }
        // Each page begins after the one before.
        match all.last_key_value() {
            Some((last, _)) if !page.next.is_empty() && page.next == last.as_str() => {
                after = page.next;
            }
            _ => return Ok(Some(all)),
        }
    }
}
