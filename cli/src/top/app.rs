//! What is on the screen, and what keys do to it. Pure.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::time::Duration;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::sample::{Rate, Sample, Who, rates};
use crate::units;

/// Heading of the table.
pub(super) const COLUMNS: [&str; 7] =
    ["KIND", "NAME", "RECEIVED/S", "SENT/S", "HANDSHAKE", "RECEIVED", "SENT"];

/// How many looks the curves show.
pub(super) const HISTORY: usize = 240;

/// What the rows are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Name,
    Received,
    Sent,
    Handshake,
}

/// What is shown.
#[derive(Debug)]
pub(super) struct App {
    last: Sample,
    rows: Vec<Rate>,
    pub sort: Sort,
    /// The first row that is shown.
    pub top: usize,
    /// Rows that fit, as the last drawing found.
    pub fit: usize,
    /// Bytes per second of all peers together, from and to them.
    pub curves: [VecDeque<u64>; 2],
    /// Why the newest look did not work.
    pub failed: Option<String>,
}

impl App {
    pub fn new(first: Sample) -> Self {
        let rows = rates(&first, &first);
        Self {
            last: first,
            rows,
            sort: Sort::Received,
            top: 0,
            fit: 1,
            curves: [VecDeque::new(), VecDeque::new()],
            failed: None,
        }
    }

    pub fn node(&self) -> &str {
        &self.last.node
    }

    pub fn trouble(&self) -> Option<&str> {
        self.failed.as_deref().or(self.last.trouble.as_deref())
    }

    pub fn rows(&self) -> &[Rate] {
        &self.rows
    }

    /// Takes a new look in.
    pub fn take(&mut self, sample: Sample) {
        self.failed = None;
        self.rows = rates(&self.last, &sample);
        self.last = sample;
        let peers = || self.rows.iter().filter(|row| matches!(row.who, Who::Peer(_)));
        let sum =
            |of: fn(&Rate) -> Option<u64>| peers().filter_map(of).fold(0_u64, u64::saturating_add);
        let sums = [sum(|row| row.received_per_second), sum(|row| row.sent_per_second)];
        for (curve, sum) in self.curves.iter_mut().zip(sums) {
            curve.push_back(sum);
            if curve.len() > HISTORY {
                curve.pop_front();
            }
        }
        self.order();
    }

    /// Follows a key; whether that was enough.
    pub fn key(&mut self, key: KeyEvent) -> bool {
        if key.kind == KeyEventKind::Release {
            return false;
        }
        let page = self.fit.max(1);
        match key.code {
            KeyCode::Char('q') | KeyCode::Esc => return true,
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return true,
            KeyCode::Char('n') => self.sort(Sort::Name),
            KeyCode::Char('r') => self.sort(Sort::Received),
            KeyCode::Char('s') => self.sort(Sort::Sent),
            KeyCode::Char('h') => self.sort(Sort::Handshake),
            KeyCode::Down | KeyCode::Char('j') => self.top += 1,
            KeyCode::Up | KeyCode::Char('k') => self.top = self.top.saturating_sub(1),
            KeyCode::PageDown => self.top += page,
            KeyCode::PageUp => self.top = self.top.saturating_sub(page),
            KeyCode::Home => self.top = 0,
            KeyCode::End => self.top = self.rows.len(),
            _ => {}
        }
        self.stay(self.fit);
        false
    }

    /// Keeps the last page full where `fit` rows fit.
    pub fn stay(&mut self, fit: usize) {
        self.fit = fit;
        self.top = self.top.min(self.rows.len().saturating_sub(fit.max(1)));
    }

    fn sort(&mut self, sort: Sort) {
        (self.sort, self.top) = (sort, 0);
        self.order();
    }

    fn order(&mut self) {
        let rows = &mut self.rows;
        match self.sort {
            Sort::Name => rows.sort_by(|a, b| a.who.cmp(&b.who)),
            Sort::Received => rows.sort_by_key(|r| (Reverse(r.received_per_second), r.who.clone())),
            Sort::Sent => rows.sort_by_key(|r| (Reverse(r.sent_per_second), r.who.clone())),
            // None at the end.
            Sort::Handshake => {
                rows.sort_by_key(|r| (r.handshake_age_seconds.unwrap_or(u64::MAX), r.who.clone()));
            }
        }
        self.stay(self.fit);
    }
}

/// A row as people read it.
pub(super) fn cells(row: &Rate) -> [String; 7] {
    let (kind, name) = match &row.who {
        Who::Peer(name) => ("peer", name),
        Who::Attachment(name) => ("attachment", name),
    };
    let bytes = |bytes: Option<u64>| bytes.map(units::bytes).unwrap_or_default();
    let handshake = match (row.handshake_age_seconds, row.received_bytes) {
        (Some(age), _) => crate::times::ago(Duration::from_secs(age)),
        (None, Some(_)) => "never".to_owned(),
        (None, None) => String::new(),
    };
    [
        kind.to_owned(),
        name.clone(),
        bytes(row.received_per_second),
        bytes(row.sent_per_second),
        handshake,
        bytes(row.received_bytes),
        bytes(row.sent_bytes),
    ]
}
