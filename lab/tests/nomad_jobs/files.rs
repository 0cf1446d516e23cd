//! The files, read and taken apart.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use hcl::expr::TemplateExpr;
use hcl::{Block, Body, Expression};

/// Programs of ours that jobs and scripts start.
pub const OURS: [&str; 3] = ["cluster-manager", "node-manager", "wgcni"];

fn path(of: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(of)
}

pub fn read(of: &str) -> String {
    fs::read_to_string(path(of)).unwrap_or_else(|error| panic!("{of}: {error}"))
}

fn has_extension(name: &str, extension: &str) -> bool {
    Path::new(name).extension().is_some_and(|found| found == extension)
}

/// All HCL files, by name, as they are parsed.
pub fn files() -> BTreeMap<String, Body> {
    let entries = fs::read_dir(path("nomad")).unwrap().map(|entry| entry.unwrap().file_name());
    let names = entries.map(|name| name.into_string().unwrap());
    let names = names.filter(|name| has_extension(name, "hcl"));
    let parse = |name: String| {
        let text = read(&format!("nomad/{name}"));
        let body = hcl::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, body)
    };
    names.map(parse).collect()
}

/// The blocks of a kind at any depth.
pub fn blocks<'a>(body: &'a Body, kind: &str) -> Vec<&'a Block> {
    let mut found = Vec::new();
    for block in body.blocks() {
        if block.identifier() == kind {
            found.push(block);
        }
        found.extend(blocks(block.body(), kind));
    }
    found
}

pub fn label(block: &Block) -> String {
    block.labels().first().map(|label| label.as_str().to_owned()).unwrap_or_default()
}

/// An attribute, with what Nomad fills in left as it is written.
pub fn attribute(body: &Body, key: &str) -> Option<String> {
    body.attributes().find(|attribute| attribute.key() == key).map(|found| text(found.expr()))
}

fn text(expression: &Expression) -> String {
    match expression {
        Expression::String(text) => text.clone(),
        Expression::TemplateExpr(template) => match &**template {
            TemplateExpr::QuotedString(text) => text.clone(),
            TemplateExpr::Heredoc(heredoc) => heredoc.template.clone(),
        },
        other => other.to_string(),
    }
}

/// The programs of ours that a file starts: the program, its arguments, and the variables
/// that the task sets.
pub fn tasks(body: &Body) -> Vec<(String, Vec<String>, BTreeSet<String>)> {
    let mut found = Vec::new();
    for task in blocks(body, "task") {
        let config = blocks(task.body(), "config")[0];
        let Some(command) = attribute(config.body(), "command") else { continue };
        let arguments = config.body().attributes().find(|attribute| attribute.key() == "args");
        let arguments: Vec<String> = match arguments.map(hcl::Attribute::expr) {
            Some(Expression::Array(words)) => words.iter().map(text).collect(),
            other => panic!("{command}: args are {other:?}"),
        };
        let started = match command.strip_prefix("${var.bin}/") {
            Some(program) => vec![(program.to_owned(), arguments)],
            None => command_lines(arguments.last().map_or("", String::as_str)),
        };
        found.extend(started.into_iter().map(|(program, words)| (program, words, variables(task))));
    }
    found
}

/// What a task finds in its environment of ours.
fn variables(task: &Block) -> BTreeSet<String> {
    let set = blocks(task.body(), "env");
    let set = set.iter().flat_map(|env| env.body().attributes());
    let mut names: BTreeSet<String> = set.map(|attribute| attribute.key().to_owned()).collect();
    for template in blocks(task.body(), "template") {
        if attribute(template.body(), "env").as_deref() == Some("true") {
            let data = attribute(template.body(), "data").unwrap();
            let lines = data.lines().filter_map(|line| line.trim().split_once('='));
            names.extend(lines.map(|(name, _)| name.to_owned()));
        }
    }
    names.retain(|name| name.starts_with("WGCNI_"));
    names
}

/// A script, or the code of a guide.
pub fn code(of: &str) -> String {
    let text = read(of);
    if !has_extension(of, "md") {
        return text;
    }
    text.split("```").skip(1).step_by(2).collect()
}

/// The command lines of our programs in a shell's text.
pub fn command_lines(text: &str) -> Vec<(String, Vec<String>)> {
    let mut found = Vec::new();
    for line in text.lines() {
        let line = line.split(" #").next().unwrap_or_default();
        for part in line.split(['|', ';', '&', '(', ')', '<', '>']) {
            let is_before = |word: &&str| ["sudo", "exec"].contains(word);
            let mut words = part.split_whitespace().skip_while(is_before);
            let program = words.next().unwrap_or_default().trim_start_matches("${var.bin}/");
            if OURS.contains(&program) {
                found.push((program.to_owned(), words.map(str::to_owned).collect()));
            }
        }
    }
    found
}
