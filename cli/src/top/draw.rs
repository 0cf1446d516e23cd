//! The screen, drawn.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Block, Cell, Paragraph, Row, Sparkline, Table};

use super::app::{App, COLUMNS, Sort, cells};
use super::sample::Rate;
use crate::table::clean;
use crate::units;

/// Height from which on there is room for curves.
const TALL: u16 = 14;

const KEYS: &str = "q quit   sort: n name  r received  s sent  h handshake   ↑↓ PgUp PgDn Home End";

/// Draws everything; only the rows that fit are looked at.
pub(super) fn draw(frame: &mut Frame<'_>, app: &mut App) {
    let area = frame.area();
    let curves = if area.height >= TALL { 4 } else { 0 };
    let parts = [
        Constraint::Length(1),
        Constraint::Length(curves),
        Constraint::Min(0),
        Constraint::Length(1),
    ];
    let [head, middle, body, foot] = Layout::vertical(parts).areas(area);
    frame.render_widget(headline(app), head);
    if curves > 0 {
        draw_curves(frame, app, middle);
    }
    app.stay(usize::from(body.height.saturating_sub(1)));
    frame.render_widget(table(app), body);
    let dim = Style::new().add_modifier(Modifier::DIM);
    frame.render_widget(Paragraph::new(Line::styled(KEYS, dim)), foot);
}

fn headline(app: &App) -> Paragraph<'static> {
    let node = clean(app.node());
    match app.trouble() {
        Some(trouble) => {
            let text = format!("wgcni top: {node}: {}", clean(trouble));
            Paragraph::new(Line::styled(text, Style::new().fg(Color::Red)))
        }
        None => Paragraph::new(format!("wgcni top: {node}, {} rows", app.rows().len())),
    }
}

fn draw_curves(frame: &mut Frame<'_>, app: &App, area: Rect) {
    let halves = [Constraint::Percentage(50), Constraint::Percentage(50)];
    let areas: [Rect; 2] = Layout::horizontal(halves).areas(area);
    for ((area, curve), what) in areas.into_iter().zip(&app.curves).zip(["from", "to"]) {
        let now = curve.back().map_or_else(|| "…".to_owned(), |now| units::bytes(*now));
        let title = format!(" {what} other nodes: {now}/s ");
        let skip = curve.len().saturating_sub(usize::from(area.width));
        let data: Vec<u64> = curve.iter().skip(skip).copied().collect();
        let block = Block::new().title(title);
        frame.render_widget(Sparkline::default().block(block).data(&data), area);
    }
}

fn table(app: &App) -> Table<'static> {
    let shown = app.rows().iter().skip(app.top).take(app.fit.max(1));
    let widths = [
        Constraint::Length(10),
        Constraint::Min(16),
        Constraint::Length(11),
        Constraint::Length(11),
        Constraint::Length(10),
        Constraint::Length(10),
        Constraint::Length(10),
    ];
    Table::new(shown.map(row), widths).header(header(app.sort))
}

fn header(sort: Sort) -> Row<'static> {
    let by = match sort {
        Sort::Name => 1,
        Sort::Received => 2,
        Sort::Sent => 3,
        Sort::Handshake => 4,
    };
    let cell = |(n, name): (usize, &'static str)| {
        let style = if n == by { Modifier::REVERSED } else { Modifier::BOLD };
        Cell::new(name).style(Style::new().add_modifier(style))
    };
    Row::new(COLUMNS.into_iter().enumerate().map(cell))
}

fn row(rate: &Rate) -> Row<'static> {
    let fresh = rate.handshake_age_seconds.is_some_and(|age| age < 180);
    let color = if fresh { Color::Green } else { Color::Yellow };
    let cell = |(n, text): (usize, String)| {
        let cell = Cell::new(clean(&text));
        if n == 4 { cell.style(Style::new().fg(color)) } else { cell }
    };
    Row::new(cells(rate).into_iter().enumerate().map(cell))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::{Duration, Instant};

    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

    use super::super::sample::Who;
    use super::super::sample::tests::{at, traffic};
    use super::*;

    fn screen(app: &mut App, width: u16, height: u16) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, app)).unwrap();
        let buffer = terminal.backend().buffer();
        let line = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        (0..height).map(|y| line(y).trim_end().to_owned()).collect()
    }

    fn peer(name: &str) -> Who {
        Who::Peer(name.to_owned())
    }

    fn key(app: &mut App, code: KeyCode) -> bool {
        app.key(KeyEvent::new(code, KeyModifiers::NONE))
    }

    fn app() -> App {
        let web = Who::Attachment("wgnet/web/eth0".to_owned());
        let rows = |n| {
            [
                (peer("birch"), Some(traffic(n, 0))),
                (peer("cedar"), Some(traffic(0, 3 * n))),
                (web.clone(), None),
            ]
        };
        let mut app = App::new(at(1, &rows(0)));
        app.take(at(3, &rows(4096)));
        app
    }

    #[test]
    fn the_screen_shows_rates_curves_and_keys() {
        let lines = screen(&mut app(), 90, 14);
        assert_eq!(lines[0], "wgcni top: ash, 3 rows");
        assert!(lines[1].starts_with(" from other nodes: 2.00 KiB/s"), "{lines:#?}");
        assert!(lines[1].contains(" to other nodes: 6.00 KiB/s"), "{lines:#?}");
        assert!(lines[5].starts_with("KIND       NAME"), "{lines:#?}");
        assert!(lines[6].starts_with("peer       birch"), "{lines:#?}");
        assert!(
            lines[6].contains("2.00 KiB    0 B         7 s ago    4.00 KiB   0 B"),
            "{lines:#?}"
        );
        assert!(lines[8].starts_with("attachment wgnet/web/eth0"), "{lines:#?}");
        assert!(lines[13].starts_with("q quit"), "{lines:#?}");
    }

    #[test]
    fn keys_sort_scroll_and_quit() {
        let mut app = app();
        let first = |app: &mut App| screen(app, 90, 14)[6].clone();
        assert!(first(&mut app).starts_with("peer       birch"));
        assert!(!key(&mut app, KeyCode::Char('s')));
        assert!(first(&mut app).starts_with("peer       cedar"));
        assert!(!key(&mut app, KeyCode::Char('n')));
        assert!(first(&mut app).starts_with("peer       birch"));
        assert!(!key(&mut app, KeyCode::Char('h')));
        assert!(!key(&mut app, KeyCode::Char('c')));
        let control_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert!(app.key(control_c));
        assert!(key(&mut app, KeyCode::Char('q')) && key(&mut app, KeyCode::Esc));
    }

    #[test]
    fn a_small_screen_is_no_trouble() {
        let mut app = app();
        for (width, height) in [(0, 0), (1, 1), (5, 2), (20, 3), (200, 13)] {
            screen(&mut app, width, height);
        }
        assert!(screen(&mut app, 90, 3)[1].starts_with("KIND"));
    }

    #[test]
    fn what_is_wrong_is_on_the_screen_and_drives_nothing() {
        let mut app = app();
        app.failed = Some("reach\x1b[2J".to_owned());
        assert_eq!(screen(&mut app, 90, 14)[0], "wgcni top: ash: reach\\u{1b}[2J");
        app.take(at(5, &[]));
        assert_eq!(screen(&mut app, 90, 14)[0], "wgcni top: ash, 0 rows");
    }

    #[test]
    fn ten_thousand_peers_are_sorted_scrolled_and_drawn_quickly() {
        let rows = |n: u64| -> Vec<_> {
            (0..10_000_u64)
                .map(|i| (peer(&format!("node-{i:05}")), Some(traffic(i * n, 0))))
                .collect()
        };
        let mut app = App::new(at(1, &rows(1)));
        let start = Instant::now();
        for n in 2..6 {
            app.take(at(n, &rows(n)));
            screen(&mut app, 100, 40);
        }
        assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
        assert!(screen(&mut app, 100, 40)[6].starts_with("peer       node-09999"));
        key(&mut app, KeyCode::End);
        let lines = screen(&mut app, 100, 40);
        assert!(lines[38].starts_with("peer       node-00000"), "{lines:#?}");
        key(&mut app, KeyCode::PageUp);
        key(&mut app, KeyCode::Home);
        assert_eq!(app.top, 0);
    }
}
