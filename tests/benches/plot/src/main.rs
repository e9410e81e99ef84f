//! Draws the tables that the benchmarks print, as an SVG: `turnwire-plot RESULTS.md PLOT.svg`. Each table is a chart of its own, with a
//! bar for the time of each row.

use std::error::Error;

use plotters::coord::Shift;
use plotters::prelude::*;

const WIDTH: u32 = 960;
const ROW: u32 = 22;
const TITLE: u32 = 54;
/// Where the bars begin, and where the longest one ends.
const BARS: (i32, i32) = (420, 860);
const MARGIN: i32 = 12;

/// A table of the results.
struct Table {
    title: String,
    /// The heading of its first column of figures: what the bars mean.
    unit: String,
    rows: Vec<(String, f64)>,
}

/// Returns the tables of a text in Markdown, each with the heading before it. Rows without a figure are left out.
fn tables(text: &str) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("### ") {
            tables.push(Table { title: title.into(), unit: String::new(), rows: Vec::new() });
            continue;
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let (Some(table), [_, name, figure, ..]) = (tables.last_mut(), &cells[..]) else { continue };
        if name.is_empty() && table.unit.is_empty() {
            table.unit = (*figure).into();
        } else if let Ok(figure) = figure.parse() {
            table.rows.push(((*name).into(), figure));
        }
    }
    tables.retain(|table| !table.rows.is_empty());
    tables
}

fn height(table: &Table) -> u32 {
    TITLE + ROW * table.rows.len() as u32
}

fn draw(table: &Table, area: &DrawingArea<SVGBackend<'_>, Shift>) -> Result<(), Box<dyn Error>> {
    let (title, label) = (("sans-serif", 17).into_font(), ("sans-serif", 13).into_font());
    let heading = format!("{} ({})", table.title, table.unit);
    area.draw(&Text::new(heading, (MARGIN, 22), title.color(&BLACK)))?;
    let longest = table.rows.iter().map(|(_, figure)| *figure).fold(f64::MIN_POSITIVE, f64::max);
    for (at, (name, figure)) in table.rows.iter().enumerate() {
        let top = TITLE as i32 + at as i32 * ROW as i32;
        let end = BARS.0 + (figure / longest * f64::from(BARS.1 - BARS.0)).round() as i32;
        let color = if name.starts_with("limit") {
            RGBColor(150, 150, 150)
        } else if name.contains("turnwire") || table.title.starts_with("machine") {
            RGBColor(32, 96, 176)
        } else {
            RGBColor(208, 132, 48)
        };
        area.draw(&Text::new(name.clone(), (MARGIN, top + 3), label.color(&BLACK)))?;
        area.draw(&Rectangle::new([(BARS.0, top), (end.max(BARS.0 + 1), top + ROW as i32 - 6)], color.filled()))?;
        area.draw(&Text::new(format!("{figure}"), (end + 6, top + 3), label.color(&BLACK)))?;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [results, plot] = &arguments[..] else { return Err("usage: turnwire-plot RESULTS.md PLOT.svg".into()) };
    let tables = tables(&std::fs::read_to_string(results)?);
    let total = tables.iter().map(height).sum::<u32>() + MARGIN as u32;
    let root = SVGBackend::new(plot, (WIDTH, total)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut rest = root.clone();
    for table in &tables {
        let (area, below) = rest.split_vertically(height(table));
        draw(table, &area)?;
        rest = below;
    }
    root.present()?;
    Ok(())
}
