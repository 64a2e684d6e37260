"""The page's style: a book's column, light or dark as the reader likes it, fit to print."""

STYLE = """
:root { color-scheme: light dark; --page: #fdfdfb; --ink: #22252a; --muted: #666c75; --line: #dddfe2;
  --soft: #f2f3f1;
  --good: #005f9e; --bad: #b34700; --warn: #fff3d6; --warn-ink: #6b4700; --warn-line: #e0a800; }
@media (prefers-color-scheme: dark) { :root { --page: #16181c; --ink: #e4e6e9; --muted: #9ba1ab;
  --line: #363a41; --soft: #202329; --good: #6cb8f0;
  --bad: #ff9b57; --warn: #3a2f12; --warn-ink: #ffdf94; --warn-line: #b98900; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 17px/1.6 Charter, "Bitstream Charter", "Source Serif 4", Georgia, "Liberation Serif", serif; }
main { max-width: 1120px; margin: 0 auto; padding: 3.2rem 2rem 5rem; }
h1, h2, h3, table, figcaption, .caption, .note, summary, small
  { font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue",
    "Liberation Sans", sans-serif; }
h1 { font-size: 2.1rem; line-height: 1.2; letter-spacing: -0.015em; margin: 0 0 .6rem; }
h2 { font-size: 1.5rem; margin: 3rem 0 .5rem; padding-top: 1.4rem; border-top: 2px solid var(--ink); }
h3 { font-size: 1.1rem; margin: 2.6rem 0 .7rem; }
p { max-width: 46rem; margin: .7rem 0; }
.lede { font-size: 1.15rem; color: var(--muted); margin: 0; }
.answer { max-width: 52rem; }
.note { font-size: .85rem; color: var(--muted); max-width: none; }
.warning { max-width: none; padding: .9rem 1.2rem; background: var(--warn); color: var(--warn-ink);
  border-left: 5px solid var(--warn-line); border-radius: 4px; }
code { font: .87em ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace;
  overflow-wrap: anywhere; }
pre { background: var(--soft); padding: .9rem 1.1rem; border-radius: 6px; overflow-x: auto; line-height: 1.5;
  font-size: .9rem; }
.conclusions { list-style: none; padding: 0; margin: 0; max-width: 52rem; }
.conclusions li { position: relative; margin: .55rem 0; padding-left: 1.7rem; }
.conclusions li::before { position: absolute; left: .2rem; content: "•"; font-weight: 700;
  color: var(--muted); }
.conclusions .helps::before { content: "▲"; color: var(--good); }
.conclusions .hurts::before { content: "▼"; color: var(--bad); }
.conclusions .unclear::before { content: "○"; }
.conclusions .caution { color: var(--muted); font-size: .94em; }
.conclusions .caution::before { content: "!"; left: .4rem; color: var(--warn-line); }
.table { overflow-x: auto; margin: 1rem 0 0; }
table { border-collapse: collapse; width: 100%; font-size: .81rem; line-height: 1.35;
  font-variant-numeric: tabular-nums; }
th, td { padding: .5rem .45rem; text-align: right; vertical-align: top;
  border-bottom: 1px solid var(--line); }
th { font-weight: 600; color: var(--muted); vertical-align: bottom;
  border-bottom: 1.5px solid var(--ink); }
th:first-child, td:first-child { padding-left: 0; }
th:last-child, td:last-child { padding-right: 0; }
th.left, td.left { text-align: left; }
td.wide { min-width: 13rem; }
td code { font-size: .97em; }
td.name { min-width: 8rem; max-width: 15rem; }
td small { display: block; color: var(--muted); font-size: .78em; white-space: nowrap; }
td .helps { color: var(--good); font-weight: 600; }
td .hurts, td .lost { color: var(--bad); font-weight: 600; }
.caption, figcaption { font-size: .8rem; line-height: 1.45; color: var(--muted); max-width: 52rem;
  margin: .5rem 0 1.6rem; }
figure { margin: 1.6rem 0; break-inside: avoid; }
figure > img { width: 100%; height: auto; display: block; background: #fff; border-radius: 6px; }
.gallery { break-inside: auto; }
.gallery figcaption { margin: 0 0 .5rem; }
.tiles { display: grid; gap: .9rem .8rem; align-items: start;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, var(--tile)), 1fr)); }
.tiles div { break-inside: avoid; min-width: 0; }
.tiles img { width: 100%; height: auto; display: block; border-radius: 4px; }
.tiles small { display: block; color: var(--muted); font-size: .75rem; line-height: 1.4; margin-top: .25rem;
  overflow-wrap: anywhere; }
nav { margin: .8rem 0 0; font: .85rem/1.9 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue",
  "Liberation Sans", sans-serif; }
nav a { color: var(--muted); margin-right: .9rem; white-space: nowrap; }
details { margin: 1.2rem 0; }
summary { cursor: pointer; font-size: .88rem; color: var(--muted); }
@media (max-width: 640px) { main { padding: 1.5rem 1rem; } .tiles { --tile: 150px !important; }
  figure:not(.gallery) { overflow-x: auto; } figure > img { width: 640px; }
  figure:not(.gallery) figcaption { position: sticky; left: 0; } }
@media print { :root { color-scheme: light; --page: #fff; --ink: #000;
  --muted: #444; --line: #ccc; --soft: #f4f4f4;
  --good: #005f9e; --bad: #b34700; --warn: #fff3d6; --warn-ink: #6b4700; }
  @page { margin: 14mm; } body { font-size: 11pt; } main { max-width: none; padding: 0; }
  table { font-size: 7.5pt; } th, td { padding: .25rem .3rem; } .table { overflow: visible; }
  h2, h3 { break-after: avoid; } tr { break-inside: avoid; } }
"""
