// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace joust {
inline namespace v0 {
namespace detail {

/// The style sheet of the HTML report.
inline constexpr std::string_view page_style = R"css(
:root{color-scheme:light dark;
--paper:#f4f5f7;--card:#fff;--ink:#171a21;--soft:#5b6472;--faint:#8b94a3;--line:#e3e6eb;--hair:#eef0f3;
--good:#0f7b54;--bad:#c0362c;--open:#9a6200;--calm:#2f5fb3;--plain:#6b7482;
--good-tint:#e6f4ee;--bad-tint:#fbeae8;--open-tint:#fbf1df;--calm-tint:#e8effa;
--k0:#5d6b82;--k1:#3d5afe;--k2:#00897b;--k3:#d9730d;--k4:#9c36b5;--k5:#b0243f}
@media (prefers-color-scheme:dark){:root{
--paper:#0f1217;--card:#181c23;--ink:#e8ebf0;--soft:#a4adbb;--faint:#76808f;--line:#2b313b;--hair:#222831;
--good:#4cc38a;--bad:#ff7b6e;--open:#e5a943;--calm:#82aaff;--plain:#97a1b0;
--good-tint:#14291f;--bad-tint:#331b1a;--open-tint:#2d2413;--calm-tint:#18243a;
--k0:#9aa7bb;--k1:#8c9eff;--k2:#4db6ac;--k3:#ffab5e;--k4:#ce93d8;--k5:#f48fa0}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);
font:15px/1.5 Inter,system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,"Liberation Sans",sans-serif;
font-variant-numeric:tabular-nums}
main{max-width:1120px;margin:0 auto;padding:40px 24px 56px}
h1,h2,h3,p,ul,ol,dl,dd{margin:0;padding:0}
small{font-size:12px;color:var(--soft);font-weight:400}
.good{--tone:var(--good);--tint:var(--good-tint)}
.bad{--tone:var(--bad);--tint:var(--bad-tint)}
.open{--tone:var(--open);--tint:var(--open-tint)}
.calm{--tone:var(--calm);--tint:var(--calm-tint)}
.plain{--tone:var(--plain);--tint:var(--hair)}
.icon{width:24px;height:24px;flex:none;fill:none;stroke:#fff;stroke-width:2;stroke-linecap:round;stroke-linejoin:round}
.icon circle{fill:var(--tone);stroke:none}
@media (prefers-color-scheme:dark){.icon{stroke:#10141a}}

.top{margin-bottom:28px}
.top h1{font-size:30px;line-height:1.2;letter-spacing:-.02em;font-weight:700;overflow-wrap:anywhere}
.top>p{color:var(--soft);margin-top:6px;max-width:72ch}
nav{display:grid;grid-template-columns:repeat(auto-fit,minmax(158px,1fr));gap:10px;margin-top:22px}
nav a{display:flex;gap:10px;align-items:flex-start;padding:12px 14px;border-radius:10px;background:var(--card);
border:1px solid var(--line);color:inherit;text-decoration:none}
nav a:hover,nav a:focus-visible{border-color:var(--tone)}
nav span{min-width:0}
nav small,nav b,nav em{display:block;overflow-wrap:anywhere}
nav b{font-weight:600;line-height:1.3;font-size:14px}
nav em{font-style:normal;font-size:13px;color:var(--tone);font-weight:600}

article{background:var(--card);border:1px solid var(--line);border-radius:14px;margin:0 0 28px;overflow:hidden;
scroll-margin-top:16px}
.banner{padding:22px 28px 22px;background:var(--tint);border-left:6px solid var(--tone)}
.kind{font-size:12px;letter-spacing:.08em;text-transform:uppercase;color:var(--soft);font-weight:600}
.banner h2{font-size:20px;line-height:1.3;font-weight:650;letter-spacing:-.01em;overflow-wrap:anywhere}
.verdict{display:flex;flex-wrap:wrap;align-items:center;gap:4px 10px;margin-top:12px}
.verdict strong{font-size:24px;line-height:1.2;letter-spacing:-.015em;color:var(--tone)}
.verdict .icon{width:28px;height:28px}
.verdict span{color:var(--soft);padding-top:3px}
.reason{margin-top:8px;max-width:80ch;overflow-wrap:anywhere}

section{padding:22px 28px;border-top:1px solid var(--line)}
.banner+section{border-top:0}
h3{font-size:15px;font-weight:650;margin-bottom:10px}
h3 small{font-size:13px;margin-left:6px}
.pair{display:flex;flex-wrap:wrap;border-top:1px solid var(--line)}
.pair>*{flex:1 1 440px;min-width:0}
.pair>section{border-top:0}
.pair>div>section:first-child{border-top:0}
.pair>*+*{border-left:1px solid var(--line)}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:8px 14px 8px 0;border-bottom:1px solid var(--hair);vertical-align:middle}
thead th{font-size:12px;font-weight:500;color:var(--soft);border-bottom-color:var(--line);white-space:nowrap;
padding-top:2px}
tbody tr:last-child>*{border-bottom:0}
tbody th{font-weight:500;overflow-wrap:anywhere}
th:last-child,td:last-child{padding-right:0}
.n{text-align:right;white-space:nowrap}
.none{color:var(--faint)}
sup{font-size:.72em;line-height:0}
.effects tbody th{min-width:150px;max-width:230px}
.effects tbody th b{font-weight:600}
.effects th small,.effects td small{display:block;line-height:1.35}
.effects .arm{color:var(--soft)}
.effects .plot{width:280px;min-width:220px;padding-left:8px}
.effects td.plot{padding-top:2px;padding-bottom:2px}
.reading{display:inline-block;padding:2px 9px;border-radius:99px;background:var(--tint);color:var(--tone);
font-size:12.5px;font-weight:600;line-height:1.45;white-space:nowrap}
.waiting{display:block;color:var(--soft);font-size:13px;padding:6px 10px;border:1px dashed var(--line);
border-radius:8px}
.fine{list-style:none;margin-top:10px;display:flex;flex-wrap:wrap;gap:2px 22px;font-size:12.5px;color:var(--soft);overflow-wrap:anywhere}
.fine b{font-weight:600}
.key{display:inline-block;width:10px;height:10px;border-radius:3px;margin-right:8px;background:var(--k)}
.k0{--k:var(--k0)}.k1{--k:var(--k1)}.k2{--k:var(--k2)}.k3{--k:var(--k3)}.k4{--k:var(--k4)}.k5{--k:var(--k5)}
.models td,.models tbody th{font-size:13.5px}
.models tbody th{min-width:110px}
.arm .key{width:8px;height:8px;margin:0 4px 0 4px}
.share{white-space:nowrap}
.bar{display:inline-block;width:64px;height:6px;border-radius:3px;background:var(--line);margin-right:10px;
vertical-align:middle}
.bar span{display:block;height:6px;border-radius:3px;background:var(--soft)}
.steps{list-style:none;margin-top:8px;font-size:13.5px}
.steps li{padding:4px 0 4px 66px;position:relative;overflow-wrap:anywhere}
.steps li+li{border-top:1px solid var(--hair)}
.steps b{position:absolute;left:0;font-weight:600}
.steps span{color:var(--soft);margin-right:4px}
.steps .down b{color:var(--bad)}
.notes ul{padding-left:18px;color:var(--soft);font-size:13.5px;overflow-wrap:anywhere}
.notes b{color:var(--ink);font-weight:600}

svg.forest{display:block;width:100%;max-width:340px;min-width:210px;height:auto;overflow:visible}
svg.chart{display:block;width:100%;max-width:640px;height:auto;margin:0 0 8px}
.courses{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(310px,100%),1fr));gap:18px 22px}
figure{margin:0;min-width:0}
figcaption{font-size:13.5px;margin-bottom:4px;overflow-wrap:anywhere}
figcaption b{font-weight:600}
svg.course{max-width:480px;margin:0}
svg text{fill:var(--soft);font-size:10.5px}
svg .hint{fill:var(--faint);font-size:10px}
svg .axisname{fill:var(--faint)}
svg .axis{stroke:var(--line);stroke-width:1}
svg .tick{stroke:var(--faint);stroke-width:1}
svg .grid{stroke:var(--hair);stroke-width:1}
svg .zero{stroke:var(--soft);stroke-width:1.25;fill:none}
svg .limit{stroke:var(--bad);stroke-width:1.5;stroke-dasharray:4 3;fill:none}
svg .beyond{fill:var(--bad-tint)}
svg .gauge{fill:var(--calm-tint)}
svg .ci{stroke:var(--tone,var(--soft));stroke-width:2.5;fill:none}
svg .tip{fill:var(--tone,var(--soft))}
svg .dot{fill:var(--tone,var(--soft));stroke:var(--card);stroke-width:1.5}
svg .steps{fill:none;stroke:var(--k1);stroke-width:2;stroke-linejoin:round}
svg .area{fill:var(--k1);opacity:.1}
svg .drop{stroke:var(--bad);stroke-width:2.5}
svg .mark{fill:var(--k1);stroke:var(--card);stroke-width:1.5}
svg .mark.down{fill:var(--bad)}
svg .value{fill:var(--ink);font-weight:600;font-size:11px}
svg .band{fill:var(--tone,var(--soft));opacity:.18}
svg .effect{fill:none;stroke:var(--tone,var(--soft));stroke-width:2;stroke-linejoin:round}
svg .turn{stroke:var(--faint);stroke-width:1;stroke-dasharray:2 3}
svg .turn.down{stroke:var(--bad);stroke-width:1.5}
svg .curve{fill:none;stroke:var(--k);stroke-width:2;stroke-linejoin:round}
svg .point{fill:var(--k);stroke:var(--card);stroke-width:1.25}
svg .name{fill:var(--k);font-weight:600;font-size:11.5px}

footer{color:var(--soft);font-size:13.5px;padding:4px 4px 0}
footer h2{font-size:14px;color:var(--ink);font-weight:650;margin-bottom:10px}
footer dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(300px,1fr));gap:12px 32px}
footer dl>div{display:flex;gap:14px;align-items:flex-start}
footer dt{flex:none;width:88px}
footer dt svg{display:block;width:88px;height:24px}
footer .letter{font-weight:650;color:var(--ink);text-align:center}

@media (max-width:640px){main{padding:24px 12px 40px}section,.banner{padding-left:16px;padding-right:16px}
.pair>*+*{border-left:0;border-top:1px solid var(--line)}}
@media print{
:root{--paper:#fff;--card:#fff;--ink:#14171d;--soft:#4c5562;--faint:#737d8c;--line:#d5d9df;--hair:#e8ebef;
--good:#0f7b54;--bad:#c0362c;--open:#9a6200;--calm:#2f5fb3;--plain:#6b7482;
--good-tint:#e6f4ee;--bad-tint:#fbeae8;--open-tint:#fbf1df;--calm-tint:#e8effa;
--k0:#5d6b82;--k1:#3d5afe;--k2:#00897b;--k3:#d9730d;--k4:#9c36b5;--k5:#b0243f}
@page{margin:12mm}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}
.icon{stroke:#fff}
body{font-size:10.5px}
main{max-width:none;padding:0}
small,.fine,.steps,.notes ul,footer,.kind,thead th,.reading{font-size:9px}
.top h1{font-size:20px}.banner h2{font-size:15px}.verdict strong{font-size:17px}h3{font-size:12px}h3 small{font-size:10px}
section,.banner{padding:12px 14px}
th,td{padding:4px 8px 4px 0}
.models td,.models tbody th{font-size:9.5px}
.effects .plot,svg.forest{min-width:150px;width:190px}
.pair>*{flex-basis:300px}
.wide{overflow:visible}
article{overflow:visible;break-inside:auto}
section,tr,.banner,footer{break-inside:avoid}
.banner{break-after:avoid}}
)css";

}  // namespace detail
}  // namespace v0
}  // namespace joust
