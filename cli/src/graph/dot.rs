//! A picture as text for graphviz. Pure.

use std::fmt::{self, Write};

use super::sight::{Container, Edge, Picture, Sight, Vertex};
use crate::table::clean;

/// Green, orange, red, grey: told apart also by line style.
const GREEN: &str = "#2e7d32";
const ORANGE: &str = "#ef6c00";
const RED: &str = "#c62828";
const GREY: &str = "#9e9e9e";

/// The picture in the DOT language.
pub(super) fn graph(picture: &Picture) -> String {
    let mut dot = String::new();
    // Writing to a string does not fail.
    let _ = write(&mut dot, picture);
    dot
}

fn write(dot: &mut String, picture: &Picture) -> fmt::Result {
    writeln!(dot, "digraph wgcni {{")?;
    writeln!(dot, "  graph [overlap=false, splines=true, fontname=\"sans-serif\"];")?;
    writeln!(dot, "  node [shape=box, style=rounded, fontname=\"sans-serif\"];")?;
    writeln!(dot, "  edge [dir=none, fontname=\"sans-serif\", fontsize=10];")?;
    for vertex in &picture.nodes {
        node(dot, vertex)?;
    }
    for edge in &picture.edges {
        link(dot, edge)?;
    }
    if let Some(here) = picture.nodes.iter().find(|vertex| vertex.here) {
        for attached in &picture.containers {
            container(dot, here, attached)?;
        }
    }
    legend(dot, picture)?;
    writeln!(dot, "}}")
}

fn node(dot: &mut String, vertex: &Vertex) -> fmt::Result {
    let name = vertex.node.as_str();
    let mut lines = vec![name.to_owned()];
    match vertex.attachments {
        Some(1) => lines.push("1 attachment".to_owned()),
        Some(n) => lines.push(format!("{n} attachments")),
        None => {}
    }
    if vertex.alive == Some(false) {
        lines.push("not heard of".to_owned());
    }
    let color = match vertex.alive {
        Some(true) => GREEN,
        Some(false) => RED,
        None => GREY,
    };
    let width = if vertex.here { 3 } else { 1 };
    let (id, label) = (quoted(&format!("node:{name}")), label(&lines));
    writeln!(dot, "  {id} [label={label}, color=\"{color}\", penwidth={width}];")
}

fn link(dot: &mut String, edge: &Edge) -> fmt::Result {
    let id = |name: &wgcni_model::NodeName| quoted(&format!("node:{name}"));
    if let Some((deaf, other)) = edge.deaf() {
        let told = label(&[format!("{deaf} hears nothing of {other}")]);
        let style = format!("label={told}, dir=forward, color=\"{RED}\", penwidth=4");
        return writeln!(dot, "  {} -> {} [{style}];", id(other), id(deaf));
    }
    writeln!(dot, "  {} -> {} [{}];", id(&edge.a), id(&edge.b), style(edge.worst()))
}

/// How a link looks both ends of which agree.
fn style(sight: Sight) -> String {
    let (color, style, width) = match sight {
        Sight::Unknown | Sight::Idle => (GREY, "dotted", 1),
        Sight::Fresh => (GREEN, "solid", 2),
        Sight::Stale => (ORANGE, "dashed", 2),
        Sight::Never | Sight::Silent => (RED, "solid", 2),
    };
    format!("color=\"{color}\", style={style}, penwidth={width}")
}

fn container(dot: &mut String, here: &Vertex, attached: &Container) -> fmt::Result {
    let id = quoted(&format!("attachment:{}", attached.name));
    let mut lines = vec![attached.name.clone()];
    lines.extend(attached.addresses.iter().cloned());
    writeln!(dot, "  {id} [label={}, shape=ellipse, style=solid];", label(&lines))?;
    let node = quoted(&format!("node:{}", here.node));
    writeln!(dot, "  {node} -> {id} [{}];", style(attached.sight))
}

fn legend(dot: &mut String, picture: &Picture) -> fmt::Result {
    let mut title = vec!["last handshake".to_owned()];
    if picture.untold > 0 {
        title.push(format!("{} more links are not told", picture.untold));
    }
    writeln!(dot, "  subgraph cluster_legend {{")?;
    writeln!(dot, "    label={}; color=\"{GREY}\"; fontsize=10;", label(&title))?;
    writeln!(dot, "    node [shape=plaintext, style=solid, fontsize=10];")?;
    let entries = [
        ("below 3 min ago", style(Sight::Fresh)),
        ("longer ago", style(Sight::Stale)),
        ("never, or no answer", style(Sight::Silent)),
        ("unknown, or nothing was sent", style(Sight::Unknown)),
        ("only one end hears the other", format!("dir=forward, color=\"{RED}\", penwidth=4")),
    ];
    for (n, (text, style)) in entries.iter().enumerate() {
        let (from, to) = (quoted(&format!("legend:{n}")), quoted(&format!("legend:{n}:")));
        writeln!(dot, "    {from} [label=\"\", width=0.1]; {to} [label={}];", label(&[*text]))?;
        writeln!(dot, "    {from} -> {to} [{style}];")?;
    }
    writeln!(dot, "  }}")
}

/// A string of the language that means just this text: no escape of graphviz (`\N`, `\l`)
/// and no entity (`&lt;`) is left in it, nothing that could end it, nothing that drives a
/// terminal.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in clean(text).chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '&' => quoted.push_str("&amp;"),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// The same of several lines.
fn label(lines: &[impl AsRef<str>]) -> String {
    let lines: Vec<_> = lines.iter().map(|line| quoted(line.as_ref())).collect();
    let inside = lines.iter().map(|line| &line[1..line.len() - 1]);
    format!("\"{}\"", inside.collect::<Vec<_>>().join("\\n"))
}
