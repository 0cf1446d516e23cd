//! `wgcni graph`: nodes, and what passes between them, for graphviz.
//!
//! ```text
//! members, reports, this node -> sight: Picture -> dot: text -> svg: dot(1)
//! ```

mod dot;
mod sight;
mod svg;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use wgcni_api::identity_v1::Role;

use crate::Failure;
use crate::args::ReachArgs;
use crate::member;
use crate::nearby::Nearby;
use crate::out::Out;
use crate::reach::Reach;
use crate::table::clean;
use crate::told::told;
use sight::{Here, Picture, Seen};

/// What is drawn, and where to
#[derive(Debug, Args)]
pub(crate) struct Graph {
    /// What is written: text for graphviz, or a picture made by it; as FILE ends, else dot
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Write to FILE instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Dot,
    Svg,
}

impl Graph {
    fn format(&self) -> Format {
        let svg = |path: &PathBuf| path.extension().is_some_and(|end| end == "svg");
        let by_name = if self.output.as_ref().is_some_and(svg) { Format::Svg } else { Format::Dot };
        self.format.unwrap_or(by_name)
    }

    /// Draws what is known here.
    pub async fn run(self, at: &ReachArgs, out: &mut Out) -> Result<(), Failure> {
        let picture = picture(at, out).await?;
        if out.json {
            return out.show(&picture, "");
        }
        let dot = dot::graph(&picture);
        let bytes = match self.format() {
            Format::Dot => dot.into_bytes(),
            Format::Svg => svg::render(&dot).await?,
        };
        let Some(path) = &self.output else { return out.bytes(&bytes) };
        std::fs::write(path, bytes).map_err(|error| {
            Failure::failed(format!("write {}: {error}", clean(&path.display().to_string())))
        })
    }
}

/// What the cluster-manager and the node of this machine tell, whichever there are.
async fn picture(at: &ReachArgs, out: &mut Out) -> Result<Picture, Failure> {
    let nearby = Nearby::new(at);
    let reach =
        if nearby.is_there() { Reach::find(at).await? } else { Some(Reach::new(at).await?) };
    let here = if nearby.is_there() { here(&nearby, reach.is_some(), out).await? } else { None };
    let Some(reach) = reach else {
        out.note("the cluster is not asked: not logged in (`wgcni login`)");
        return Ok(Picture::new(&Seen { here, ..Seen::default() }));
    };
    let cluster = async {
        let members = member::list(&reach, Role::ROLE_NODE).await?;
        Ok::<_, Failure>((members, told(&reach, true).await?.unwrap_or_default()))
    };
    let (members, told) = match cluster.await {
        Ok(known) => known,
        // What this node sees is still worth a look.
        Err(failure) if here.is_some() => {
            out.note(failure.text);
            Default::default()
        }
        Err(failure) => return Err(failure),
    };
    let active = members.iter().filter(|member| member::state(member) == "active");
    let node = |m: &wgcni_api::admin_v1::Member| {
        Some((m.name.parse().ok()?, member::is_alive(m, out.now)))
    };
    Ok(Picture::new(&Seen { nodes: active.filter_map(node).collect(), told, here }))
}

async fn here(nearby: &Nearby, others: bool, out: &mut Out) -> Result<Option<Here>, Failure> {
    let looked = async {
        let (mesh, attachments) = (nearby.mesh().await?, nearby.attachments().await?.all);
        Ok(Here { node: mesh.node, peers: mesh.peers.all, attachments })
    };
    match looked.await {
        Ok(here) => Ok(Some(here)),
        Err(failure) if others => {
            let failure: Failure = failure;
            out.note(failure.text);
            Ok(None)
        }
        Err(failure) => Err(failure),
    }
}
