"""Jobs on the dashboard: found, and cancelled, tried again or given another priority, several at once."""

import re

from playwright.sync_api import Page, expect

from crashfarm.documents.job import JobState, Priority
from tests import samples
from tests.browser.dashboards import DESKTOP, PHONE, Dashboard, job, now, row, turn_to


def test_several_jobs_are_cancelled_at_once_and_one_is_tried_again(page: Page, dashboard: Dashboard) -> None:
    """Each by its revision; what has become of each is told."""
    for number in (701, 702, 703):
        dashboard.write(job(number, product="apples", priority=Priority.REPRODUCE))
    turn_to(page, "Jobs")
    for number in (701, 702):
        row(page, f"crash_{number}.py").get_by_role("checkbox").check()
    bar = page.get_by_role("group", name="Acts on the chosen jobs")
    expect(bar).to_contain_text("2 jobs chosen")
    bar.get_by_role("button", name="Priority").click()
    page.get_by_label("Priority", exact=True).select_option("3")
    page.get_by_role("dialog").get_by_role("button", name="Change it").click()
    expect(row(page, "crash_701.py")).to_contain_text("3 normal")
    bar.get_by_role("button", name="Cancel").click()
    page.get_by_label("Reason").fill("not needed")
    page.get_by_role("dialog").get_by_role("button", name="Cancel the jobs").click()
    expect(row(page, "crash_701.py")).to_have_count(0)
    states = [(dashboard.farm.status.get(f"job:{number:05d}") or {})["state"] for number in (701, 702, 703)]
    assert states == ["aborted", "aborted", "pending"]
    page.get_by_role("button", name=re.compile("aborted")).click()
    row(page, "crash_701.py").get_by_role("button", name="Retry").click()
    page.get_by_role("dialog").get_by_role("button", name="Retry").click()
    expect(page.get_by_text("1 document queued again")).to_be_visible()
    again = [doc for doc in dashboard.farm.status.documents("job:2") if doc.get("supersedes") == "job:00701"]
    assert [(doc["state"], doc["product"]) for doc in again] == [("pending", "apples")]


def test_all_jobs_of_a_page_are_chosen_on_a_phone(page: Page, dashboard: Dashboard) -> None:
    """Where the table has no head, the box that stands there is still to be seen and touched."""
    for number in (751, 752):
        dashboard.write(job(number, product="quinces", state=JobState.ABORTED, completed_at=now()))
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    turn_to(page, "Jobs")
    page.get_by_label("or id begins with").fill("job:0075")
    expect(row(page, "crash_752.py")).to_be_visible()
    expect(page.get_by_role("table", name="Jobs", exact=True).get_by_role("rowheader")).to_have_count(2)
    page.get_by_label("Choose all jobs of this page").check()
    expect(page.get_by_role("group", name="Acts on the chosen jobs")).to_contain_text("2 jobs chosen")
    page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]


def test_several_jobs_are_cancelled_on_top_of_what_another_wrote(page: Page, dashboard: Dashboard) -> None:
    """What was changed is shown first; only what is still possible is offered."""
    jobs = {number: job(number, product="apricots", priority=Priority.REPRODUCE) for number in (801, 802, 803)}
    for doc in jobs.values():
        dashboard.write(doc)
    turn_to(page, "Jobs")
    for number in jobs:
        row(page, f"crash_{number}.py").get_by_role("checkbox").check()
    page.get_by_role("group", name="Acts on the chosen jobs").get_by_role("button", name="Cancel").click()
    dashboard.write(jobs[801], reason="wait for bob")
    dashboard.write(jobs[802], state="aborted", reason="bob was faster", completed_at=now())
    page.get_by_label("Reason").fill("not needed")
    page.get_by_role("dialog").get_by_role("button", name="Cancel the jobs").click()
    told = page.get_by_role("dialog", name="Not all of it was done")
    told.get_by_text("What was changed").first.click()
    expect(told.get_by_role("row").filter(has_text="reason").first).to_contain_text("wait for bob")
    told.get_by_role("button", name="Write mine on top of 1 document").click()
    expect(told).to_have_count(0)
    expect(row(page, "crash_801.py")).to_have_count(0)
    docs = [dashboard.farm.status.get(f"job:{number:05d}") or {} for number in jobs]
    assert [doc["reason"] for doc in docs] == ["not needed", "bob was faster", "not needed"]
    assert {doc["state"] for doc in docs} == {"aborted"}


def test_jobs_are_found_by_their_branch_and_by_their_id(page: Page, dashboard: Dashboard) -> None:
    """Among all others, whatever their state."""
    dashboard.write({**samples.branch(), "_id": "branch:pears:old", "product": "pears", "branch": "old"})
    dashboard.write(job(901, product="pears", branch="old"))
    dashboard.write(job(902, product="pears", branch="new", state=JobState.ABORTED, completed_at=now()))
    turn_to(page, "Jobs")
    page.get_by_label("Branch").focus()
    page.get_by_label("Branch").select_option("pears old")
    listed = page.get_by_role("table", name="Jobs", exact=True).get_by_role("row")
    expect(listed).to_have_count(2)
    expect(listed.nth(1)).to_contain_text("crash_901.py")
    page.get_by_label("or id begins with").fill("job:00902")
    expect(listed.nth(1)).to_contain_text("crash_902.py")
    expect(listed).to_have_count(2)
    page.get_by_role("button", name="pending").click()
    expect(listed.filter(has_text="crash_9.py")).to_be_visible()


def test_pressing_twice_does_it_once(page: Page, dashboard: Dashboard) -> None:
    """A second job would run for nothing."""
    dashboard.write(job(951, product="plums", state=JobState.ABORTED, completed_at=now()))
    turn_to(page, "Jobs")
    page.get_by_label("or id begins with").fill("job:00951")
    row(page, "crash_951.py").get_by_role("button", name="Retry").dblclick()
    page.get_by_role("dialog").get_by_role("button", name="Retry").dblclick()
    expect(page.get_by_text("1 document queued again")).to_be_visible()
    again = [doc for doc in dashboard.farm.status.documents("job:2") if doc.get("supersedes") == "job:00951"]
    assert len(again) == 1


def test_jobs_of_several_states_are_tried_again_each_by_itself(page: Page, dashboard: Dashboard) -> None:
    """One has not ended: the others are queued, and it is told."""
    for number, state in ((961, JobState.ABORTED), (962, JobState.PENDING), (963, JobState.ABORTED)):
        ended = {"completed_at": now()} if state == JobState.ABORTED else {}
        dashboard.write(job(number, product="cherries", state=state, **ended))
    turn_to(page, "Jobs")
    page.get_by_label("or id begins with").fill("job:0096")
    expect(row(page, "crash_963.py")).to_be_visible()
    page.get_by_label("Choose all jobs of this page").check()
    bar = page.get_by_role("group", name="Acts on the chosen jobs")
    bar.get_by_role("button", name="Retry").click()
    page.get_by_role("dialog").get_by_role("button", name="Retry").click()
    told = page.get_by_role("dialog", name="Not all of it was done")
    expect(told).to_contain_text("00962: job:00962 is pending: only a job that has ended can be tried again")
    expect(told.get_by_role("button")).to_have_text(["Close"])
    told.get_by_role("button", name="Close").click()
    again = {doc["supersedes"] for doc in dashboard.farm.status.documents("job:2") if doc["product"] == "cherries"}
    assert again == {"job:00961", "job:00963"}


def test_what_has_the_focus_is_not_behind_the_bar(page: Page, dashboard: Dashboard) -> None:
    """The bar of acts stays at the top while one goes back through a long list by the keyboard."""
    for number in range(30):
        dashboard.write(job(52_000 + number, product="medlars"))
    page.set_viewport_size({"width": 1280, "height": 500})
    turn_to(page, "Jobs")
    page.get_by_label("or id begins with").fill("job:520")
    boxes = page.get_by_role("table", name="Jobs", exact=True).locator("tbody").get_by_role("checkbox")
    expect(boxes).to_have_count(30)
    boxes.last.check()
    for _ in range(20):
        for _ in range(4):
            page.keyboard.press("Shift+Tab")
        focused = page.evaluate("document.activeElement.getBoundingClientRect().top")
        bar = page.get_by_role("group", name="Acts on the chosen jobs").evaluate(
            "bar => bar.getBoundingClientRect().bottom"
        )
        assert focused >= bar
    page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]


def test_a_job_that_has_ended_leads_to_its_result(page: Page, dashboard: Dashboard) -> None:
    """Which tells what was found."""
    dashboard.write(samples.completed() | {"_id": "job:00990"})
    turn_to(page, "Jobs")
    page.get_by_label("or id begins with").fill("job:00990")
    link = page.get_by_role("link", name="result:00990 in Fauxton")
    expect(link).to_have_attribute("href", re.compile(f"#database/{dashboard.farm.history.name}/result%3A00990$"))
