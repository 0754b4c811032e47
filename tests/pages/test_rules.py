"""Routes in the admin: tried out before they are live, changes remembered and taken back."""

from __future__ import annotations

import pytest
from django.contrib.admin import site
from django.contrib.admin.utils import flatten_fieldsets

from sessions_app.api.examples import EXAMPLES
from sessions_app.models import AuditEntry, Peer, Route, RouteChange

pytestmark = pytest.mark.django_db

TRY = "/admin/sessions_app/route/try-it/"


@pytest.fixture
def rules():
    Peer.objects.create(name="loop", network="127.0.0.0/8")
    Route.objects.create(name="out", priority=10, method="MESSAGE", action="msg_to_msrp", next_hop="sip:192.0.2.1")
    Route.objects.create(
        name="no", priority=5, method="MESSAGE", action="reject", to_pattern="sip:x@.*", reject_code=404
    )


def ask(client, **values) -> str:
    data = {"method": "MESSAGE", "source": "127.0.0.1", "from_uri": "sip:a@x", "to_uri": "sip:b@y", **values}
    return client.post(TRY, data).content.decode()


@pytest.mark.parametrize("model", [Peer, Route])
class TestFields:
    def test_each_is_in_the_form(self, rf, model):
        shown = flatten_fieldsets(site.get_model_admin(model).get_fieldsets(rf.get("/")))
        assert {field.name for field in model._meta.fields if field.editable} - set(shown) == set()

    def test_each_is_in_the_example_of_the_api(self, model):
        assert {field.name for field in model._meta.fields} == set(EXAMPLES[model.__name__])


class TestTryingOut:
    def test_says_which_route_takes_it_with_key_and_coordinates(self, admin_client, rules):
        page = ask(admin_client)
        assert "Taken by out: msg_to_msrp." in page
        for word in ("sip:a@x sip:b@y", "sip:192.0.2.1", "text/plain", ">loop<"):
            assert word in page, word

    def test_says_what_refuses_it(self, admin_client, rules):
        assert "Refused by no with 404" in ask(admin_client, to_uri="sip:x@y")
        assert "no route takes it" in ask(admin_client, method="INVITE")
        assert "belongs to no enabled peer" in ask(admin_client, source="203.0.113.1")

    def test_takes_a_request_as_it_is_pasted(self, admin_client, rules):
        pasted = (
            "MESSAGE sip:bob@h SIP/2.0\nVia: SIP/2.0/UDP 1.2.3.4;branch=z9hG4bKx\nMax-Forwards: 70\n"
            "From: Alice <sip:alice@example.com>;tag=1\nTo: <sip:bob@h>\nCall-ID: c\nCSeq: 1 MESSAGE\n"
            "Content-Length: 500\n\ncut off"
        )
        assert "sip:alice@example.com sip:bob@h" in ask(admin_client, pasted=pasted)

    @pytest.mark.parametrize("pasted", ["hello", "SIP/2.0 200 OK\nCall-ID: x", "MESSAGE sip:b SIP/2.0\nFrom: x"])
    def test_names_what_is_wrong_with_a_request(self, admin_client, rules, pasted):
        assert "This is no SIP request" in ask(admin_client, pasted=pasted)

    def test_asks_a_route_that_is_not_live_yet_where_that_is_wished(self, admin_client, rules):
        Route.objects.create(name="draft", priority=1, enabled=False, method="MESSAGE", action="msg_to_msrp")
        assert "Taken by out" in ask(admin_client)
        assert "Taken by draft" in ask(admin_client, drafts="on")

    def test_changes_nothing(self, admin_client, rules):
        ask(admin_client)
        assert Route.objects.count() == 2
        assert not RouteChange.objects.exists()


FIELDS = {
    "name": "in",
    "priority": 7,
    "enabled": "on",
    "method": "INVITE",
    "action": "msrp_gw_answer",
    "reject_code": 403,
    "key_template": "{pair}",
    "content_types": "text/plain",
    "from_template": "{from}",
    "to_template": "{to}",
    "ruri_template": "{ruri}",
    "failure_template": "x {detail}",
    "way_back": "from",
}


class TestHistory:
    def test_a_change_is_kept_with_who_and_can_be_taken_back(self, admin_client):
        admin_client.post("/admin/sessions_app/route/add/", FIELDS)
        route = Route.objects.get()
        admin_client.post(f"/admin/sessions_app/route/{route.pk}/change/", {**FIELDS, "priority": 9})
        made, changed = RouteChange.objects.order_by("id")
        assert (made.before, changed.before["priority"], changed.after["priority"]) == (None, 7, 9)
        assert changed.by == "admin"
        page = admin_client.get("/admin/sessions_app/routechange/").content.decode()
        assert "priority: 7 → 9" in page
        undo = f"/admin/sessions_app/routechange/{changed.pk}/undo/"
        assert "Yes, take it back" in admin_client.get(undo).content.decode()
        assert Route.objects.get().priority == 9, "a link alone changes nothing"
        admin_client.post(undo)
        assert Route.objects.get().priority == 7
        assert RouteChange.objects.count() == 3, "taking back is a change, too"
        assert AuditEntry.objects.filter(action="change").count() == 3

    def test_a_deletion_is_taken_back_with_the_same_id(self, admin_client):
        admin_client.post("/admin/sessions_app/route/add/", FIELDS)
        route = Route.objects.get()
        admin_client.post(f"/admin/sessions_app/route/{route.pk}/delete/", {"post": "yes"})
        assert not Route.objects.exists()
        admin_client.post(f"/admin/sessions_app/routechange/{RouteChange.objects.first().pk}/undo/")
        assert Route.objects.get().pk == route.pk

    def test_saving_without_a_change_is_none(self, admin_client):
        admin_client.post("/admin/sessions_app/route/add/", FIELDS)
        admin_client.post(f"/admin/sessions_app/route/{Route.objects.get().pk}/change/", FIELDS)
        assert RouteChange.objects.count() == 1

    def test_what_cannot_be_any_more_says_why(self, admin_client):
        admin_client.post("/admin/sessions_app/route/add/", FIELDS)
        first = Route.objects.get()
        admin_client.post(f"/admin/sessions_app/route/{first.pk}/delete/", {"post": "yes"})
        admin_client.post("/admin/sessions_app/route/add/", FIELDS)
        deleted = RouteChange.objects.get(after__isnull=True)
        answer = admin_client.post(f"/admin/sessions_app/routechange/{deleted.pk}/undo/", follow=True)
        assert "cannot be taken back" in answer.content.decode()
