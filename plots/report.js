/* The report's script: themes, tables that sort, and the explorer of thresholds. */
(function () {
    "use strict";

    const byId = (id) => document.getElementById(id);

    function element(name, attributes, text) {
        const made = document.createElement(name);
        for (const [key, value] of Object.entries(attributes || {}))
            made.setAttribute(key, value);
        if (text !== undefined)
            made.textContent = text;
        return made;
    }

    /* ---- numbers, written as C's printf writes them ---- */

    /* Both round the exact binary value; where it lies just between two decimals, printf takes the
     * even one, toFixed and toPrecision the larger. `longer` has all the digits. */
    function halfToEven(rounded, longer) {
        const rest = longer.slice(rounded.length);
        const isTie = /^50*$/.test(rest);
        const kept = longer.slice(0, rounded.length);
        return isTie && "02468".includes(kept.slice(-1)) ? kept : rounded;
    }

    /* %.Nf */
    function fixed(value, digits) {
        const rounded = value.toFixed(digits);
        const longer = value.toFixed(Math.min(100, digits + 60));
        return digits === 0 ? halfToEven(rounded, longer.replace(".", ""))
            : halfToEven(rounded, longer);
    }

    /* %.6g, from 1e6 on %.0f: as tables have numbers. */
    function six(value) {
        if (value === null || Number.isNaN(value))
            return "-";
        if (Math.abs(value) >= 1e6)
            return fixed(value, 0);
        if (value === 0)
            return "0";
        let digits = 5 - Math.floor(Math.log10(Math.abs(value)));
        if (Math.abs(value) < 1e-4) {
            const [mantissa, exponent] = value.toExponential(5).split("e");
            const sign = exponent[0], places = exponent.slice(1).padStart(2, "0");
            return trimmed(mantissa) + "e" + sign + places;
        }
        let text = fixed(value, Math.max(0, digits));
        if (text.replace(/^-?0\.0*|[-.]/g, "").length > 6) { /* rounded up to one digit more */
            digits -= 1;
            text = digits < 0 ? "1e+06" : fixed(value, digits);
        }
        return trimmed(text);
    }

    function trimmed(text) {
        return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
    }

    function percent(fraction) {
        return fixed(100 * fraction, 2) + " %";
    }

    /* A time in the unit that suits it, for people. */
    function time(ns) {
        const units = [[1e9, "s"], [1e6, "ms"], [1e3, "\u00b5s"], [1, "ns"]];
        const [divisor, name] = units.find(([least]) => ns >= least) || units[3];
        return Number((ns / divisor).toPrecision(4)) + " " + name;
    }

    function amount(count) {
        const units = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""]];
        const [divisor, name] = units.find(([least]) => count >= least) || units[4];
        return Number((count / divisor).toPrecision(4)) + " " + name;
    }

    /* ---- themes ---- */

    function startTheme() {
        const button = byId("theme"), root = document.documentElement;
        const system = window.matchMedia("(prefers-color-scheme: dark)");
        const isDark = () => root.dataset.theme ? root.dataset.theme === "dark" : system.matches;
        const name = () => {
            button.textContent = isDark() ? "Light theme" : "Dark theme";
        };
        button.hidden = false;
        button.addEventListener("click", () => {
            root.dataset.theme = isDark() ? "light" : "dark";
            name();
        });
        system.addEventListener("change", name);
        name();
    }

    /* ---- tables ---- */

    /* What a cell is sorted by: a number, a text, or null where it is missing. */
    function keyOf(row, column) {
        const cell = row.cells[column], value = cell.dataset.value;
        if (value === undefined)
            return cell.textContent === "-" || cell.textContent === "" ? null : cell.textContent;
        const words = {"": null, "nan": null, "inf": Infinity, "-inf": -Infinity,
            "true": 1, "false": 0};
        return value in words ? words[value] : Number(value);
    }

    /* Missing values are last in either direction. */
    function compareKeys(a, b, direction) {
        if (a === null || b === null)
            return (a === null) - (b === null);
        const order = typeof a === "string" ? a.localeCompare(b, undefined, {numeric: true})
            : (a > b) - (a < b);
        return direction * order;
    }

    function sortBy(table, header) {
        const body = table.tBodies[0];
        const ascending = header.getAttribute("aria-sort") !== "ascending";
        const rows = Array.from(body.rows, (row) => ({row, key: keyOf(row, header.cellIndex)}));
        rows.sort((a, b) => compareKeys(a.key, b.key, ascending ? 1 : -1));
        for (const other of table.tHead.rows[0].cells)
            other.removeAttribute("aria-sort");
        header.setAttribute("aria-sort", ascending ? "ascending" : "descending");
        body.append(...rows.map(({row}) => row));
    }

    function startTables() {
        for (const table of document.querySelectorAll("table.rows")) {
            for (const header of table.tHead.rows[0].cells) {
                const button = element("button", {type: "button"}, header.textContent);
                header.replaceChildren(button);
                button.addEventListener("click", () => sortBy(table, header));
            }
        }
    }

    /* ---- the explorer ---- */

    /* Each element but the first is stored less the one before it. */
    function summed(differences) {
        let sum = 0;
        return differences.map((difference) => (sum += difference));
    }

    /* Arrays by point: thresholds descend, so the student answers more and more. */
    function unpacked(series) {
        const made = {...series};
        for (const name of ["student", "harm", "help", "latency", "p50", "p95", "p99"])
            if (series[name])
                made[name] = summed(series[name]);
        return made;
    }

    /* What the cascade does at a point, by the formulas of calib/sweep.h. */
    function figuresAt(data, series, i) {
        const deferred = (data.n - series.student[i]) / data.n;
        const right = series.teacherCorrect + series.help[i] - series.harm[i];
        const known = data.studentFlops !== null && data.teacherFlops !== null;
        return {
            threshold: series.threshold[i] === null ? Infinity : series.threshold[i],
            share: series.student[i] / data.n,
            deferred,
            accuracy: right / data.n,
            harm: series.harm[i],
            help: series.help[i],
            flops: known ? data.studentFlops + deferred * data.teacherFlops : null,
            latency: series.latency ? series.latency[i] / data.n : null,
            p50: series.latency ? series.p50[i] : null,
            p95: series.latency ? series.p95[i] : null,
            p99: series.latency ? series.p99[i] : null,
        };
    }

    function mostAccurate(series) {
        let best = 0;
        for (let i = 1; i < series.student.length; i++)
            if (series.help[i] - series.harm[i] > series.help[best] - series.harm[best])
                best = i;
        return best;
    }

    function thresholdText(threshold) {
        return threshold === Infinity ? "inf" : String(threshold);
    }

    /* [name of the figure, for tests and scripts; name; value; remark] */
    function figureRows(data, figures) {
        const rows = [
            ["threshold", "threshold", thresholdText(figures.threshold),
                "the student answers where score \u2265 threshold"],
            ["accuracy", "accuracy", percent(figures.accuracy),
                "of the cascade, top-1"],
            ["student_share", "student share", percent(figures.share), ""],
            ["teacher_rate", "teacher rate", percent(figures.deferred), ""],
            ["harm", "harm", String(figures.harm),
                "samples: the student answered, wrong; the teacher is right"],
            ["help", "help", String(figures.help), "samples: the other way round"],
        ];
        if (figures.flops !== null)
            rows.push(["flops", "FLOPs", six(figures.flops),
                `${amount(figures.flops)}, ${percent(figures.flops / data.teacherFlops)} of the `
                + "teacher's"]);
        if (figures.latency !== null) {
            rows.push(["latency_ns", "mean latency, ns", six(figures.latency),
                time(figures.latency)]);
            for (const name of ["p50", "p95", "p99"])
                rows.push([name + "_ns", name + ", ns", six(figures[name]), time(figures[name])]);
        }
        return rows;
    }

    function showFigures(list, rows) {
        list.replaceChildren(...rows.map(([id, name, value, remark]) => {
            const group = element("div"), figure = element("dd");
            figure.append(element("strong", {"data-figure": id}, value), " ",
                element("span", {}, remark));
            group.append(element("dt", {}, name), figure);
            return group;
        }));
    }

    /* ---- its chart: accuracy against teacher rate ---- */

    const MARGIN = {left: 64, right: 24, top: 18, bottom: 48};

    function svg(name, attributes, text) {
        const made = document.createElementNS("http://www.w3.org/2000/svg", name);
        for (const [key, value] of Object.entries(attributes))
            made.setAttribute(key, value);
        if (text !== undefined)
            made.textContent = text;
        return made;
    }

    /* 1, 2 or 5 times a power of ten, so that there are about `count` steps. */
    function niceStep(length, count) {
        const rough = length / count, power = 10 ** Math.floor(Math.log10(rough));
        return power * ([1, 2, 5].find((factor) => factor * power >= rough) || 10);
    }

    function scalesOf(data) {
        const room = (data.right[1] - data.right[0] || 1) * 0.04;
        const low = data.right[0] - room, high = data.right[1] + room;
        return {
            low: low / data.n,
            high: high / data.n,
            x: (student) => MARGIN.left + data.width * (data.n - student) / data.n,
            y: (right) => MARGIN.top + data.height * (high - right) / (high - low),
        };
    }

    function drawAxes(data, scales, chart) {
        const left = MARGIN.left, right = left + data.width, bottom = MARGIN.top + data.height;
        const step = niceStep(100 * (scales.high - scales.low), 6);
        const decimals = Math.max(0, -Math.floor(Math.log10(step)));
        for (let tick = 0; tick <= 100; tick += 20) {
            const x = left + data.width * tick / 100;
            chart.append(svg("line", {class: "grid", x1: x, x2: x, y1: MARGIN.top, y2: bottom}),
                svg("text", {x, y: bottom + 18, "text-anchor": "middle"}, String(tick)));
        }
        for (let k = Math.ceil(100 * scales.low / step); k * step <= 100 * scales.high; k++) {
            const y = scales.y(k * step / 100 * data.n);
            chart.append(svg("line", {class: "grid", x1: left, x2: right, y1: y, y2: y}),
                svg("text", {x: left - 8, y: y + 4, "text-anchor": "end"},
                    (k * step).toFixed(decimals)));
        }
        chart.append(
            svg("path", {class: "axis", fill: "none",
                d: `M${left},${MARGIN.top}V${bottom}H${right}`}),
            svg("text", {x: (left + right) / 2, y: bottom + 40, "text-anchor": "middle"},
                "teacher rate (%)"),
            svg("text", {transform: `translate(16 ${(MARGIN.top + bottom) / 2}) rotate(-90)`,
                "text-anchor": "middle"}, "accuracy (%)"));
    }

    function pathOf(series, scales) {
        const points = series.student.map((student, i) => {
            const right = series.teacherCorrect + series.help[i] - series.harm[i];
            return scales.x(student).toFixed(1) + "," + scales.y(right).toFixed(1);
        });
        return "M" + points.join("L");
    }

    function shortened(name) {
        const letters = Array.from(name);
        return letters.length > 24 ? letters.slice(0, 23).join("") + "\u2026" : name;
    }

    /* Either model alone, and the line between: what routing at random is worth. */
    function drawEnds(data, series, scales, chart) {
        const ends = [
            [scales.x(data.n), scales.y(data.studentCorrect), data.student, "start", 8],
            [scales.x(0), scales.y(series.teacherCorrect), data.teacher, "end", -8],
        ];
        chart.append(svg("path", {class: "chance",
            d: `M${ends[0][0]},${ends[0][1]}L${ends[1][0]},${ends[1][1]}`}));
        for (const [x, y, name, anchor, offset] of ends)
            chart.append(svg("circle", {class: "end", cx: x, cy: y, r: 4}),
                svg("text", {class: "label", x: x + offset, y: y + 18, "text-anchor": anchor},
                    shortened(name)));
    }

    function drawChart(data, all, chosen, scales) {
        const width = MARGIN.left + data.width + MARGIN.right;
        const height = MARGIN.top + data.height + MARGIN.bottom;
        const chart = svg("svg", {class: "chart", role: "img", viewBox: `0 0 ${width} ${height}`,
            width, height, "aria-labelledby": "explorer-title"});
        chart.append(svg("title", {id: "explorer-title"},
            `Accuracy against teacher rate, by ${chosen.name}`));
        drawAxes(data, scales, chart);
        for (const series of all)
            if (series !== chosen)
                chart.append(svg("path", {class: "curve", d: pathOf(series, scales)}));
        chart.append(svg("path", {class: "curve chosen", d: pathOf(chosen, scales)}));
        drawEnds(data, chosen, scales, chart);
        const guide = svg("line", {class: "guide", y1: MARGIN.top, y2: MARGIN.top + data.height});
        const marker = svg("circle", {class: "marker", r: 6});
        chart.append(guide, marker);
        return {chart, guide, marker};
    }

    function startExplorer() {
        const source = byId("explorer-data"), root = byId("explorer");
        if (!source || !root)
            return;
        const data = JSON.parse(source.textContent);
        const all = data.series.map(unpacked), scales = scalesOf(data);
        const select = byId("explorer-score"), slider = byId("explorer-slider");
        const mark = byId("explorer-mark"), place = byId("explorer-chart");
        let series, drawn;

        /* The slider goes the way of the teacher rate: its first place is the last point. */
        const point = () => series.student.length - 1 - Number(slider.value);

        function move() {
            const i = point(), figures = figuresAt(data, series, i);
            const x = scales.x(series.student[i]);
            const y = scales.y(series.teacherCorrect + series.help[i] - series.harm[i]);
            for (const [name, value] of [["x1", x], ["x2", x]])
                drawn.guide.setAttribute(name, value);
            drawn.marker.setAttribute("cx", x);
            drawn.marker.setAttribute("cy", y);
            slider.setAttribute("aria-valuetext",
                `threshold ${thresholdText(figures.threshold)}, teacher rate `
                + `${percent(figures.deferred)}, accuracy ${percent(figures.accuracy)}`);
            showFigures(byId("explorer-figures"), figureRows(data, figures));
            byId("explorer-command").textContent =
                `${data.command} --score ${series.option} --threshold `
                + thresholdText(figures.threshold);
        }

        function go(i) {
            slider.value = String(series.student.length - 1 - i);
            move();
        }

        /* Of another score, the point of the same student share. */
        function choose(index, share) {
            series = all[index];
            slider.max = String(series.student.length - 1);
            drawn = drawChart(data, all, series, scales);
            place.replaceChildren(drawn.chart);
            mark.hidden = series.mark === null;
            byId("explorer-eval").hidden = !series.option;
            byId("explorer-caption").textContent =
                `Accuracy against teacher rate; ${series.name} is the strong line, the others are `
                + `faint, the dotted one is chance. The slider stops at ${series.student.length} of `
                + `${series.points} thresholds; those left out are within a pixel of one of them.`;
            go(nearest(share));
        }

        function nearest(student) {
            let low = 0, high = series.student.length - 1;
            while (low < high) {
                const middle = (low + high) >> 1;
                if (series.student[middle] < student)
                    low = middle + 1;
                else
                    high = middle;
            }
            const before = Math.max(0, low - 1);
            return student - series.student[before] < series.student[low] - student ? before : low;
        }

        function follow(event) {
            const box = drawn.chart.getBoundingClientRect();
            const width = MARGIN.left + data.width + MARGIN.right;
            const x = (event.clientX - box.left) / box.width * width - MARGIN.left;
            go(nearest(data.n * (1 - Math.min(1, Math.max(0, x / data.width)))));
        }

        all.forEach((one, i) => select.append(element("option", {value: i}, one.name)));
        select.value = String(data.first);
        root.hidden = false;
        series = all[data.first];
        const start = series.mark === null ? mostAccurate(series) : series.mark;
        choose(data.first, series.student[start]);
        go(start);

        select.addEventListener("change", () => choose(Number(select.value),
            series.student[point()]));
        slider.addEventListener("input", move);
        byId("explorer-best").addEventListener("click", () => go(mostAccurate(series)));
        mark.addEventListener("click", () => go(series.mark));
        place.addEventListener("pointerdown", follow);
        place.addEventListener("pointermove", (event) => event.buttons === 1 && follow(event));
    }

    startTheme();
    startTables();
    startExplorer();
})();
