"""ebjr report in a real browser: headless Chromium, driven by selenium."""

import shutil
import unittest

from support import ProgramTest, skip_file

try:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
except ImportError:
    skip_file("selenium is not installed (Debian: python3-selenium)")

import test_report
from test_report import HOSTILE, STUDENT_FLOPS, TEACHER_FLOPS

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
if not CHROMIUM or not DRIVER:
    skip_file("Chromium is not installed (Debian: chromium chromium-driver)")

# Moves the slider to each of some places and returns the figures that are shown there.
FIGURES = """
const [score, places] = arguments, select = document.getElementById("explorer-score");
const slider = document.getElementById("explorer-slider");
select.selectedIndex = score;
select.dispatchEvent(new Event("change"));
const told = [];
for (let place = 0; place <= Number(slider.max); place++) {
    if (places && !places.includes(place)) continue;
    slider.value = String(place);
    slider.dispatchEvent(new Event("input"));
    told.push(Object.fromEntries(Array.from(document.querySelectorAll("[data-figure]"),
        (one) => [one.dataset.figure, one.textContent])));
}
return told;
"""

# Texts that one can see, with their contrast to what is behind them (WCAG 2.1), the lowest first.
CONTRAST = """
function luminance([r, g, b]) {
    const [x, y, z] = [r, g, b].map((c) => (c /= 255) <= 0.04045 ? c / 12.92
        : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
}
const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
function ground(element) {
    for (; element; element = element.parentElement) {
        const colour = parse(getComputedStyle(element).backgroundColor);
        if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
}
const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
    const text = walker.currentNode.data.trim(), element = walker.currentNode.parentElement;
    if (!text || !element.checkVisibility() || element.closest("script, title, desc, .skip")) continue;
    const style = getComputedStyle(element);
    const own = element.closest("svg") ? style.fill : style.color;
    const [a, b] = [luminance(parse(own)), luminance(ground(element))];
    found.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), own, text.slice(0, 40)]);
}
return found.sort((a, b) => a[0] - b[0]);
"""

# Lines and points of pictures that cannot be told from the ground.
FAINT = """
const faint = [], paper = getComputedStyle(document.body).backgroundColor;
for (const one of document.querySelectorAll("figure svg path, figure svg use")) {
    const style = getComputedStyle(one);
    const colour = one.tagName === "use" ? style.color : style.stroke;
    if (one.closest("defs") || colour === "none" || colour !== paper) continue;
    if (one.tagName === "use" && one.getAttribute("color") === "#FFFFFF") continue; /* a halo */
    faint.push(one.outerHTML.slice(0, 200));
}
return faint;
"""

SOUND = """
const faults = [], fault = (text) => faults.push(text);
let level = 0;
for (const heading of document.querySelectorAll("h1, h2, h3, h4, h5, h6")) {
    const next = Number(heading.tagName[1]);
    if (next > level + 1) fault("heading " + heading.textContent);
    level = next;
}
if (document.querySelectorAll("h1").length !== 1) fault("h1");
for (const landmark of ["header", "nav", "main", "footer"])
    if (document.querySelectorAll("body > " + landmark).length !== 1) fault(landmark);
const ids = Array.from(document.querySelectorAll("[id]"), (one) => one.id);
if (new Set(ids).size !== ids.length) fault("ids");
for (const name of ["aria-labelledby", "for"])
    for (const one of document.querySelectorAll(`[${name}]`))
        if (!document.getElementById(one.getAttribute(name))) fault(one.outerHTML.slice(0, 90));
for (const one of document.querySelectorAll("input, select"))
    if (!one.labels.length || !one.labels[0].textContent.trim()) fault(one.id);
for (const one of document.querySelectorAll("button"))
    if (!one.textContent.trim()) fault("a button without a name");
for (const one of document.querySelectorAll("main svg")) {
    const title = one.querySelector("title");
    if (one.getAttribute("role") !== "img" || one.getAttribute("aria-labelledby") !== title.id
        || !title.textContent.trim()) fault("svg " + one.outerHTML.slice(0, 90));
}
for (const one of document.querySelectorAll("table"))
    if (!one.caption || !one.caption.textContent.trim() || !one.querySelector("th[scope]"))
        fault("table " + one.outerHTML.slice(0, 90));
for (const one of document.querySelectorAll("[role=region]"))
    if (!one.hasAttribute("aria-label") && !one.hasAttribute("aria-labelledby")) fault("region");
for (const one of document.querySelectorAll(".scroll, pre"))
    if (one.tabIndex !== 0) fault("a box that scrolls, out of a keyboard's reach");
if (!document.documentElement.lang) fault("lang");
return faults;
"""


class Browser(test_report.ReportTest):
    @classmethod
    def setUpClass(cls):
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu",
                         "--disable-dev-shm-usage"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        cls.driver = webdriver.Chrome(options=options, service=Service(DRIVER))
        cls.addClassCleanup(cls.driver.quit)

    def emulate(self, width=1100, height=900, scheme="light", media=""):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500})
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "media": media, "features": [{"name": "prefers-color-scheme", "value": scheme}]})

    def load(self, **emulation):
        self.emulate(**emulation)
        self.driver.get_log("browser")
        self.driver.get_log("performance")
        self.driver.get(self.path("report.html").as_uri())
        self.assert_quiet()

    def assert_quiet(self):
        """Nothing went wrong, and nothing but the file itself was asked for."""
        self.assertEqual(self.driver.get_log("browser"), [])
        asked = [entry["message"] for entry in self.driver.get_log("performance")
                 if '"Network.requestWillBeSent"' in entry["message"]]
        self.assertLessEqual(len(asked), 1, asked)
        self.assertEqual(self.driver.execute_script(
            "return performance.getEntriesByType('resource').length"), 0)

    def run_script(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def by_id(self, name):
        return self.driver.find_element(By.ID, name)

    def figures(self):
        return {one.get_attribute("data-figure"): one.text
                for one in self.driver.find_elements(By.CSS_SELECTOR, "[data-figure]")}


class Slider(Browser):
    @staticmethod
    def printed(row):
        """A row of the sweep as C's printf writes it."""
        def six(text):
            return "%.0f" % float(text) if float(text) >= 1e6 else "%.6g" % float(text)
        told = {name: "%.2f %%" % (100 * float(row[name]))
                for name in ("accuracy", "student_share", "teacher_rate")}
        told.update({name: six(row[name])
                     for name in ("flops", "latency_ns", "p50_ns", "p95_ns", "p99_ns")})
        return {**told, "harm": row["harm"], "help": row["help"]}

    def test_every_place_is_as_the_sweep_prints_it(self):
        self.report(*self.cascade)
        self.load()
        sweep = {}
        for row in self.csv("sweep", *self.cascade, "--score", "all"):
            sweep[row["score"], float(row["threshold"])] = self.printed(row)
        names = [one.text for one in self.driver.find_elements(By.TAG_NAME, "option")]
        ties = 0
        for i, name in enumerate(names):
            told = self.run_script(FIGURES, i, None)
            self.assertGreater(len(told), 100)
            for figures in told:
                expected = sweep[name, float(figures.pop("threshold"))]
                self.assertEqual(figures, expected)
                ties += expected["teacher_rate"].endswith("2 %")
        self.assertGreater(ties, 20)
        self.assert_quiet()

    def assert_evaluated(self, name, figures):
        told = self.ebjr("eval", *self.cascade, "--score", name,
                         "--threshold=" + figures["threshold"]).stdout.splitlines()
        for figure, value in figures.items():
            head = f"{figure.replace('_', ' '):<22} {value}"
            if figure != "threshold":
                self.assertTrue(any((line + " ").startswith(head + " ") for line in told),
                                (name, figures["threshold"], head, told))

    def test_places_are_as_eval_prints_them(self):
        self.report(*self.cascade)
        self.load()
        for i, name in ((0, "energy"), (2, "msp"), (4, "logit-margin")):
            places = self.run_script(
                "return Number(document.getElementById('explorer-slider').max)")
            chosen = sorted({0, places} | {places * k // 7 for k in range(1, 7)})
            for figures in self.run_script(FIGURES, i, chosen):
                self.assert_evaluated(name, figures)

    def test_keyboard(self):
        policy = self.pick("--score", "msp", "--max-drop", "0.03")
        self.report(*policy)
        self.load()
        slider = self.by_id("explorer-slider")
        at_policy = self.figures()
        told = self.json("eval", *policy)
        self.assertEqual(float(at_policy["threshold"]), told["threshold"])
        self.assertEqual(at_policy["harm"], str(told["harm"]))
        seen = {at_policy["threshold"]}
        for key in (Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_LEFT, Keys.PAGE_UP,
                    Keys.PAGE_DOWN, Keys.HOME, Keys.END):
            slider.send_keys(key)
            figures = self.figures()
            self.assert_evaluated("msp", figures)
            self.assertIn(figures["threshold"], slider.get_attribute("aria-valuetext"))
            self.assertIn(figures["accuracy"], slider.get_attribute("aria-valuetext"))
            seen.add(figures["threshold"])
        self.assertGreaterEqual(len(seen), 5)
        self.assertEqual(self.figures()["threshold"], "inf")
        self.by_id("explorer-mark").send_keys(Keys.ENTER)
        self.assertEqual(self.figures(), at_policy)
        self.by_id("explorer-best").click()
        best = max(float(row["accuracy"]) for row in self.csv("sweep", *self.cascade,
                                                             "--score", "msp"))
        self.assertEqual(self.figures()["accuracy"], "%.2f %%" % (100 * best))
        self.assertEqual(self.by_id("explorer-figures").get_attribute("aria-live"), "polite")

    def test_pointer_moves_the_marker(self):
        self.report(*self.cascade)
        self.load()
        chart = self.driver.find_element(By.CSS_SELECTOR, ".chart")
        before = self.figures()
        webdriver.ActionChains(self.driver).move_to_element_with_offset(chart, 100, 0).click() \
            .perform()
        after = self.figures()
        self.assertNotEqual(before["threshold"], after["threshold"])
        marker = self.driver.find_element(By.CSS_SELECTOR, ".marker").rect
        middle = chart.rect["x"] + chart.rect["width"] / 2 + 100
        self.assertLess(abs(marker["x"] + marker["width"] / 2 - middle), 3)

    def test_learned_policy(self):
        policy = self.pick("--score", "learned", "--max-drop", "0.03")
        self.report(*policy)
        self.load()
        told = self.ebjr("eval", *policy).stdout
        figures = self.figures()
        self.assertIn(f"{'accuracy':<22} {figures['accuracy']}", told)
        self.assertIn(f"{'flops':<22} {figures['flops']} ", told)
        self.assertFalse(self.by_id("explorer-eval").is_displayed())


class Page(Browser):
    def column(self, table, index):
        return self.run_script(
            "return Array.from(arguments[0].tBodies[0].rows, (row) => "
            "row.cells[arguments[1]].textContent)", table, index)

    def test_tables_sort(self):
        self.report(*self.pick("--score", "msp", "--max-drop", "0.03"))
        self.load()
        table = self.driver.find_element(By.CSS_SELECTOR, "#classes table")
        header = table.find_elements(By.TAG_NAME, "th")[2]
        button = header.find_element(By.TAG_NAME, "button")
        button.click()
        values = [float(text.rstrip(" %")) for text in self.column(table, 2)]
        self.assertEqual(values, sorted(values))
        self.assertEqual(header.get_attribute("aria-sort"), "ascending")
        button.send_keys(Keys.ENTER)
        values = [float(text.rstrip(" %")) for text in self.column(table, 2)]
        self.assertEqual(values, sorted(values, reverse=True))
        self.assertEqual(header.get_attribute("aria-sort"), "descending")
        first = table.find_elements(By.TAG_NAME, "th")[0]
        first.find_element(By.TAG_NAME, "button").send_keys(Keys.SPACE)
        self.assertEqual(self.column(table, 0), [str(k) for k in range(10)])
        self.assertIsNone(header.get_attribute("aria-sort"))

    def test_missing_values_are_last(self):
        self.report(*self.cascade)
        self.load()
        table = self.driver.find_element(By.CSS_SELECTOR, "#scores table")
        self.run_script("""
            const cells = Array.from(arguments[0].tBodies[0].rows, (row) => row.cells[6]);
            ["", "-inf", "inf", "1e-7", "-3", "20", "", "0", "3", "nan", "100"].forEach(
                (value, i) => { cells[i].dataset.value = cells[i].textContent = value; });
            """, table)
        button = table.find_elements(By.TAG_NAME, "th")[6].find_element(By.TAG_NAME, "button")
        expected = ["-inf", "-3", "0", "1e-7", "3", "20", "100", "inf"]
        button.click()
        self.assertEqual(self.column(table, 6)[:8], expected)
        button.click()
        self.assertEqual(self.column(table, 6)[:8], expected[::-1])

    def assert_readable(self):
        texts = self.run_script(CONTRAST)
        self.assertGreater(len(texts), 300)
        self.assertGreaterEqual(texts[0][0], 4.5, texts[:5])
        self.assertEqual(self.run_script(FAINT), [])

    def test_themes(self):
        self.report(*self.pick("--score", "msp", "--max-drop", "0.03"))
        def ground():
            return self.run_script("return getComputedStyle(document.body).backgroundColor")
        self.load(scheme="light")
        light = ground()
        self.assert_readable()
        self.assertEqual(self.by_id("theme").text, "Dark theme")
        self.by_id("theme").click()
        dark = ground()
        self.assertNotEqual(dark, light)
        self.assertEqual(self.by_id("theme").text, "Light theme")
        self.assert_readable()
        self.load(scheme="dark")
        self.assertEqual(ground(), dark)
        self.by_id("theme").send_keys(Keys.ENTER)
        self.assertEqual(ground(), light)
        self.assert_quiet()

    def test_is_accessible(self):
        self.report(*self.pick("--score", "msp", "--max-drop", "0.03"))
        self.load()
        self.assertEqual(self.run_script(SOUND), [])
        body = self.driver.find_element(By.TAG_NAME, "body")
        body.send_keys(Keys.TAB)
        first = self.driver.switch_to.active_element
        self.assertEqual(first.get_attribute("class"), "skip")
        self.assertGreaterEqual(first.rect["x"], 0)
        first.send_keys(Keys.ENTER)
        self.assertEqual(self.run_script("return document.activeElement.id"), "main")
        self.run_script("document.getElementById('explorer-slider').focus()")
        self.by_id("explorer-slider").send_keys(Keys.ARROW_LEFT)
        self.assertEqual(self.run_script(
            "return getComputedStyle(document.activeElement).outlineStyle"), "solid")

    def test_on_a_telephone(self):
        self.report(*self.pick("--score", "msp", "--max-drop", "0.03"))
        self.load(width=360, height=740)
        self.assertLessEqual(self.run_script("return document.documentElement.scrollWidth"), 360)
        self.assertTrue(self.run_script(
            "return Array.from(document.querySelectorAll('#scores .scroll')).some("
            "(box) => box.scrollWidth > box.clientWidth)"))

    def test_in_print(self):
        self.report(*self.pick("--score", "msp", "--max-drop", "0.03"))
        self.load(scheme="dark", media="print", width=718)  # A4 less its margins
        for hidden in ("nav", "#theme", ".controls"):
            self.assertFalse(self.driver.find_element(By.CSS_SELECTOR, hidden).is_displayed())
        self.assertEqual(self.run_script("return getComputedStyle(document.body).backgroundColor"),
                         "rgb(255, 255, 255)")
        self.assertTrue(self.driver.find_element(By.CSS_SELECTOR, "thead button").is_displayed())
        cut = self.run_script("""
            return Array.from(document.querySelectorAll("table, svg, pre"), (one) =>
                [one.getBoundingClientRect().right, one.className.toString(), one.textContent])
                .filter(([right]) => right > 718);""")
        self.assertEqual(cut, [])
        self.assert_readable()

    def test_names_of_anyone(self):
        self.db = self.path("hostile.db")
        test_report.fill(self, 300, HOSTILE + "s", "--" + HOSTILE + "t", HOSTILE)
        self.report(*self.pick("--score", "msp", "--max-drop", "0.2"), "--title",
                    HOSTILE + " " + "y" * 900)
        for width in (1100, 360):
            self.load(width=width)
            self.assertIsNone(self.run_script("return window.hurt"))
            self.assertEqual(self.run_script("return document.images.length"), 0)
            self.assertTrue(self.run_script("return document.querySelector('h1').textContent")
                            .startswith(HOSTILE))
            self.assertTrue(self.driver.title.startswith("</script>"))
            self.assertLessEqual(
                self.run_script("return document.documentElement.scrollWidth"), width)
        self.assertEqual(self.run_script(SOUND), [])


if __name__ == "__main__":
    unittest.main()
