"""Two people sign in a real browser, and every way on which they may not."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.support.desk import CIGNA, HCSC, HOSTILE, Desk
from tests.support.people import Someone

Arrive = Callable[..., Someone]
PARENTS = "SELECT name FROM v_hierarchy_history WHERE tier = 1 AND valid_to IS NULL"


def path_of(run_id: str, round_number: int = 1) -> str:
    return f"/sign-offs/{run_id}/{round_number}"


def test_two_people_sign_what_they_saw_and_it_is_published(desk: Desk, arrive: Arrive) -> None:
    run_id = desk.asks()
    engineer, data = arrive(), arrive()
    engineer.signs_in("engineering_lead", path_of(run_id))
    row = engineer.section("events").locator("li", has_text=CIGNA).filter(has_text=HCSC)
    expect(row).to_contain_text("3 contracts")
    expect(engineer.approve).to_be_disabled()
    expect(engineer.page.locator("#to-do")).to_contain_text("ticked with a reason")
    engineer.says("announced sale")
    expect(engineer.approve).to_be_disabled()
    engineer.ticks_everything()
    expect(engineer.approve).to_be_enabled()
    engineer.page.get_by_role("checkbox").first.uncheck()
    expect(engineer.approve).to_be_disabled()
    engineer.page.get_by_role("checkbox").first.check()
    engineer.approve.click()
    expect(engineer.section("decision")).to_contain_text("You decided as engineering lead")
    expect(engineer.section("decision").get_by_role("button", name="Sign in as somebody else")).to_be_visible()
    assert desk.pipeline.state(run_id) == "AWAITING_SIGN_OFF"

    data.signs_in("data_lead", path_of(run_id))
    expect(data.page.locator(".signoff")).to_contain_text("announced sale")
    expect(data.page.locator(".signoff")).to_contain_text("Still to decide: Data lead")
    data.ticks_everything()
    data.says("same on the payer's site")
    data.approve.click()
    expect(data.page.locator(".signoff .state")).to_have_text("Published")
    expect(data.section("decision")).to_contain_text("It is published")
    expect(engineer.page.locator(".signoff .state")).to_have_text("Waiting for sign-off")
    engineer.page.reload()
    expect(engineer.page.locator(".signoff .state")).to_have_text("Published")
    signers = {d["role"]: d["login"] for d in desk.pipeline.run(run_id)["decisions"]}
    assert signers == {"engineering_lead": "engineering_lead", "data_lead": "data_lead"}
    parents = {row["name"] for row in desk.pipeline.sql(PARENTS)}
    assert HCSC in parents and CIGNA not in parents


def test_a_rejection_ends_the_run_with_its_reason(desk: Desk, arrive: Arrive) -> None:
    run_id = desk.asks()
    data = arrive()
    data.signs_in("data_lead", path_of(run_id))
    data.says("ask CMS first")
    data.reject.click()
    expect(data.section("decision")).to_contain_text("It was rejected")
    expect(data.page.locator(".signoff")).to_contain_text("ask CMS first")
    assert desk.pipeline.ended(run_id)["state"] == "REJECTED"


def test_a_rejection_without_a_reason_is_refused_in_words(desk: Desk, arrive: Arrive) -> None:
    run_id = desk.asks()
    data = arrive()
    data.signs_in("data_lead", path_of(run_id))
    data.reject.click()
    expect(data.page.get_by_role("alert")).to_contain_text("needs a reason")
    assert desk.pipeline.state(run_id) == "AWAITING_SIGN_OFF"


def test_a_second_login_in_the_same_browser_signs_the_second_role(desk: Desk, arrive: Arrive) -> None:
    run_id = desk.asks()
    someone = arrive()
    someone.signs_in("engineering_lead", path_of(run_id))
    someone.ticks_everything()
    someone.says("fine")
    someone.approve.click()
    someone.page.get_by_role("button", name="Sign in as somebody else").click()
    someone.page.get_by_role("link", name="Sign in").click()
    someone.page.get_by_role("button", name="data_lead", exact=True).click()
    someone.page.wait_for_url(f"**{path_of(run_id)}")
    expect(someone.page.locator(".bar")).to_contain_text("Data lead")
    someone.says("not yet")
    someone.reject.click()
    assert desk.pipeline.ended(run_id)["state"] == "REJECTED"


def test_a_double_click_and_the_back_button_make_one_decision(desk: Desk, arrive: Arrive) -> None:
    run_id = desk.asks()
    engineer = arrive()
    engineer.signs_in("engineering_lead", path_of(run_id))
    engineer.ticks_everything()
    engineer.says("fine")
    engineer.approve.dblclick()
    expect(engineer.section("decision")).to_contain_text("You decided as engineering lead")
    engineer.page.go_back()
    engineer.page.go_forward()
    expect(engineer.section("decision")).to_contain_text("You decided as engineering lead")
    expect(engineer.approve).to_have_count(0)
    assert len(desk.pipeline.run(run_id)["decisions"]) == 1


def test_a_page_left_open_in_a_second_tab_cannot_decide_again(desk: Desk, arrive: Arrive) -> None:
    run_id = desk.asks()
    engineer = arrive()
    engineer.signs_in("engineering_lead", path_of(run_id))
    tab = Someone(engineer.door, engineer.context, engineer.context.new_page(), engineer.dialogs)
    tab.opens(path_of(run_id))
    for someone in (engineer, tab):
        someone.ticks_everything()
        someone.says("fine")
    engineer.approve.click()
    expect(engineer.section("decision")).to_contain_text("You decided")
    tab.reject.click()
    expect(tab.page.get_by_role("alert")).to_contain_text("A decision is never changed")
    assert [d["decision"] for d in desk.pipeline.run(run_id)["decisions"]] == ["approve"]


def test_a_link_of_a_run_that_was_replaced_leads_to_the_newer_one(desk: Desk, arrive: Arrive) -> None:
    older = desk.asks()
    newer = desk.asks(to="Harbor Mutual")
    assert desk.pipeline.ended(older)["state"] == "SUPERSEDED"
    data = arrive()
    data.signs_in("data_lead", path_of(older))
    expect(data.approve).to_have_count(0)
    data.section("decision").get_by_role("link", name=newer).click()
    data.page.get_by_role("link", name="Read the report and decide").click()
    expect(data.approve).to_be_visible()
    data.opens(path_of(newer, 9))
    expect(data.section("decision")).to_contain_text("There is no round 9")
    expect(data.approve).to_have_count(0)


def test_a_question_nobody_answered_in_time_is_closed(desk: Desk, arrive: Arrive) -> None:
    with desk.answers_within(seconds=6):
        run_id = desk.asks()
    data = arrive()
    data.signs_in("data_lead", path_of(run_id))
    expect(data.reject).to_be_visible()
    data.says("too late")
    desk.pipeline.ended(run_id)
    data.reject.click()
    expect(data.page.get_by_role("alert")).to_contain_text("there is nothing to sign")
    expect(data.section("decision")).to_contain_text("ended before everybody had signed")
    assert desk.pipeline.run(run_id)["decisions"] == []


def test_html_in_a_company_name_is_text(desk: Desk, arrive: Arrive) -> None:
    run_id = desk.asks(to=HOSTILE)
    data = arrive()
    data.signs_in("data_lead", path_of(run_id))
    expect(data.section("events")).to_contain_text(HOSTILE)
    assert data.page.locator("img").count() == 0


def test_without_scripts_two_people_can_still_decide(desk: Desk, arrive: Arrive) -> None:
    run_id = desk.asks()
    data = arrive(java_script_enabled=False)
    data.signs_in("data_lead", path_of(run_id))
    data.approve.click()
    assert desk.pipeline.run(run_id)["decisions"] == []  # the browser itself asks for the required fields
    data.ticks_everything()
    data.says("fine")
    data.approve.click()
    expect(data.section("decision")).to_contain_text("You decided as data lead")


def test_who_requested_the_run_may_read_it_and_no_more(desk: Desk, arrive: Arrive) -> None:
    run_id = desk.asks()
    requester = arrive()
    requester.signs_in("data_ops_reviewer", path_of(run_id))
    expect(requester.section("decision")).to_contain_text("which does not sign this run")
    expect(requester.approve).to_have_count(0)
    requester.opens("/")
    requester.page.get_by_role("link", name="Medicare Advantage").first.click()
    expect(requester.page.locator(".facts")).to_contain_text(run_id)
