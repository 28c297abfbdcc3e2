//! The style that all pages of reports share: of loads, of drills and of examinations.

/// The style sheet; it names no font, picture or file outside the page.
///
/// Outcomes are classes: `good`, `bad`, `unsure`, `none`, `decided` and `attested` colour text, and with `pill` the ground below it. Columns
/// of `table.figures` from the third on stand at the right.
pub const STYLE: &str = "
:root{color-scheme:light dark;--ink:#1b1f24;--paper:#fff;--soft:#57606a;--line:#d8dee4;--card:#f6f8fa;
--good:#1a7f37;--bad:#b42318;--unsure:#7a5b00;--none:#6b7484;--decided:#1f6f9f;--attested:#7a3e9d}
@media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--paper:#0d1117;--soft:#9da7b1;--line:#30363d;--card:#161b22;
--good:#3fb950;--bad:#ff7b72;--unsure:#e0a82e;--none:#8b95a5;--decided:#6cb6e8;--attested:#c792ea}}
*{box-sizing:border-box}
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:64rem;padding:0 1rem 2rem;color:var(--ink);background:var(--paper)}
h1{font-size:1.5rem;margin:0;overflow-wrap:anywhere}h2{font-size:1.1rem;margin:1.6rem 0 .4rem}p{margin:.3rem 0}
small,.soft{color:var(--soft)}code,pre{font:13px/1.45 ui-monospace,monospace}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%}
td,th{padding:.3rem .6rem;border-top:1px solid var(--line);text-align:left;vertical-align:top}td{overflow-wrap:anywhere}
.figures td,.figures th{white-space:nowrap}.figures td:nth-child(n+3),.figures th:nth-child(n+3){text-align:right}
svg{width:100%;height:auto;display:block}svg text{font:12px system-ui,sans-serif;fill:var(--soft)}svg .grid{stroke:var(--line)}
.key span{display:inline-block;margin-right:1rem}.key i{display:inline-block;width:.8rem;height:.8rem;margin-right:.3rem;border-radius:2px}
.good{--tone:var(--good)}.bad{--tone:var(--bad)}.unsure{--tone:var(--unsure)}.none{--tone:var(--none)}.decided{--tone:var(--decided)}
.attested{--tone:var(--attested)}
.good,.bad,.unsure,.none,.decided,.attested{color:var(--tone);font-weight:600}
.pill{display:inline-block;padding:.1rem .6rem;border-radius:1rem;white-space:nowrap;color:var(--paper);background:var(--tone)}
.bar{display:flex;height:.7rem;margin:1rem 0 .4rem;border-radius:.35rem;overflow:hidden;gap:2px}.bar i{background:var(--tone)}
details{border:1px solid var(--line);border-radius:.4rem;margin:.35rem 0;background:var(--card)}
summary{display:grid;grid-template-columns:8.5rem 12rem 1fr;gap:.8rem;padding:.45rem .7rem;cursor:pointer;overflow-wrap:anywhere}
summary::marker{content:''}summary::-webkit-details-marker{display:none}
.inside{padding:.2rem .9rem .8rem;border-top:1px solid var(--line)}
pre{margin:.3rem 0 .6rem;padding:.5rem .7rem;background:var(--paper);border-radius:.3rem;white-space:pre-wrap;overflow-wrap:anywhere}
@media (max-width:44rem){summary{grid-template-columns:1fr;gap:0}}
";
