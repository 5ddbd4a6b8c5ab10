// The style of the gateway's page, behind that of X-rays.

export const PAGE_CSS = `
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0.25rem 1rem; padding: 0.75rem 1rem; max-width: 110rem; margin: 0 auto; }
header h1 { font-size: 1.375rem; }
header h1 span { font-weight: 400; color: var(--quiet); }
header p { margin: 0; color: var(--quiet); }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; top: 0.5rem; background: var(--card); padding: 0.5rem 1rem; z-index: 2; }
.state { margin-left: auto; font-weight: 600; }
.state::before { content: ""; display: inline-block; width: 0.65em; height: 0.65em; border-radius: 50%; margin-right: 0.45em; background: var(--warn); }
.state.is-live { color: var(--good); } .state.is-live::before { background: var(--good); }
.state.is-lost { color: var(--bad); } .state.is-lost::before { background: var(--bad); }
main { max-width: 110rem; margin: 0 auto; padding: 0 1rem 2rem; display: grid; gap: 1rem; }
main:focus { outline: 0; }
.notice { margin: 0; padding: 0.5rem 0.75rem; border-radius: 8px; border: 1px solid var(--line); background: var(--card); }
.notice:empty { display: none; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 0.9rem 1rem; min-width: 0; margin: 0; }
.card h2 { font-size: 1.0625rem; margin-bottom: 0.5rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: 0.75rem; margin: 0; }
.tiles div { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 0.6rem 0.8rem; }
.tiles dt { color: var(--quiet); font-size: 0.8125rem; }
.tiles dd { margin: 0; font-size: 1.375rem; font-weight: 600; font-variant-numeric: tabular-nums; line-height: 1.3; }
.tiles small { display: block; font-size: 0.75rem; font-weight: 400; color: var(--quiet); }
.tiles .is-saved dd { color: var(--good); }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 1rem; }
.plots figcaption { color: var(--quiet); font-size: 0.8125rem; margin-bottom: 0.25rem; }
.plot { height: 11rem; overflow: hidden; }
.u-legend { font-size: 0.75rem; } .uplot { font-family: inherit; }
.columns { display: grid; grid-template-columns: minmax(18rem, 24rem) minmax(0, 1fr); gap: 1rem; align-items: start; }
.tools { display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem 0.75rem; margin-bottom: 0.5rem; color: var(--quiet); font-size: 0.875rem; }
input, select, button { font: inherit; color: var(--text); background: var(--page); border: 1px solid var(--quiet); border-radius: 6px; padding: 0.3rem 0.65rem; min-height: 2.1rem; max-width: 100%; }
button { cursor: pointer; } button:disabled { opacity: 0.55; cursor: default; }
button.first { background: var(--strong); border-color: var(--strong); color: var(--card); font-weight: 600; }
button.danger { color: var(--bad); border-color: var(--bad); }
button.link { border: 0; padding: 0; min-height: 1.5rem; background: none; color: var(--strong); text-decoration: underline; text-align: left; overflow-wrap: anywhere; }
::placeholder { color: var(--quiet); opacity: 1; }
.list { max-height: 26rem; overflow: auto; overscroll-behavior: contain; }
.list ol { list-style: none; margin: 0; padding: 0; font-size: 0.8125rem; }
#packets button { display: grid; grid-template-columns: auto minmax(0, 1fr) auto; gap: 0 0.6rem; width: 100%; text-align: left; border: 0; border-bottom: 1px solid var(--line); border-radius: 0; background: none; padding: 0.35rem 0.25rem; }
#packets button[aria-current="true"] { background: var(--page); box-shadow: inset 3px 0 0 var(--strong); }
#packets .way { grid-row: span 2; font-weight: 700; color: var(--strong); padding-left: 0.3rem; }
#packets .is-dropped { color: var(--bad); }
#packets .what { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
#packets small { color: var(--quiet); overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
#packets .size { text-align: right; font-variant-numeric: tabular-nums; }
#log li { padding: 0.15rem 0; border-bottom: 1px solid var(--line); font: 0.75rem/1.5 var(--mono); overflow-wrap: anywhere; }
#log .error { color: var(--bad); } #log .warn { color: var(--warn); } #log time { color: var(--quiet); }
#peers, .plain { width: 100%; font-size: 0.875rem; }
#peers th, #peers td { height: 2.1rem; padding: 0 0.75rem 0 0; border-bottom: 1px solid var(--line); white-space: nowrap; text-align: left; font-variant-numeric: tabular-nums; overflow: hidden; text-overflow: ellipsis; max-width: 22rem; }
#peers thead th { position: sticky; top: 0; background: var(--card); z-index: 1; color: var(--quiet); font-weight: 500; font-size: 0.8125rem; }
#peers .gap td { padding: 0; border: 0; height: auto; }
#peers .c-signal, #peers .c-up, #peers .c-heard, #peers .c-in, #peers .c-out, #peers .c-drops { text-align: right; }
#peers button.link { white-space: nowrap; }
.plain th, .plain td { padding: 0.3rem 0.75rem 0.3rem 0; border-bottom: 1px solid var(--line); text-align: left; white-space: nowrap; }
.plain thead th { color: var(--quiet); font-weight: 500; font-size: 0.8125rem; }
.plain .number { text-align: right; }
.detail:not(:empty) { margin-top: 0.75rem; padding-top: 0.75rem; border-top: 2px solid var(--line); }
.detail h3 { overflow-wrap: anywhere; font-size: 1rem; }
.buttons { display: flex; flex-wrap: wrap; gap: 0.5rem; margin: 0.5rem 0; }
.problem { color: var(--bad); } .problem:empty { display: none; }
.quiet { color: var(--quiet); }
dialog { color: var(--text); background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 1.25rem; width: min(26rem, calc(100vw - 2rem)); overflow-wrap: anywhere; }
dialog::backdrop { background: rgb(0 0 0 / 45%); }
dialog input { width: 100%; margin: 0.25rem 0 0.75rem; }
@media (max-width: 70rem) { .columns { grid-template-columns: minmax(0, 1fr); } .columns .list { max-height: 14rem; } }
@media (max-width: 44rem) { #peers .c-address, #peers .c-radio, #peers .c-up, #peers .c-drops { display: none; } #peers th, #peers td { max-width: 11rem; } main { padding: 0 0.5rem 1rem; } .card { padding: 0.75rem; } .state { margin-left: 0; } }
@media print { header .state, .tools, .card-log, .card-peers, .plots, .card-packets { display: none; } .columns { display: block; } .list { max-height: none; } }
`;
