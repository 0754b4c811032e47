"""What lists can be narrowed by."""

from __future__ import annotations

import django_filters

from sessions_app.models import GatewaySession, MessageRecord, SetupFailure

CONTAINS = {"lookup_expr": "icontains"}


class SessionFilter(django_filters.FilterSet):
    """Sessions."""

    key = django_filters.CharFilter()
    node = django_filters.CharFilter()
    route = django_filters.CharFilter()
    call_id = django_filters.CharFilter()
    state = django_filters.MultipleChoiceFilter(choices=GatewaySession.State)
    live = django_filters.BooleanFilter(
        field_name="ended_at", lookup_expr="isnull", label="True: being set up or live; false: ended or failed."
    )
    from_uri = django_filters.CharFilter(**CONTAINS)
    to_uri = django_filters.CharFilter(**CONTAINS)
    created_after = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_before = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = GatewaySession
        fields = ["initiator"]


class MessageFilter(django_filters.FilterSet):
    """Messages."""

    session = django_filters.UUIDFilter(field_name="session_id")
    state = django_filters.MultipleChoiceFilter(choices=MessageRecord.State)
    call_id = django_filters.CharFilter()
    message_id = django_filters.CharFilter()
    from_uri = django_filters.CharFilter(**CONTAINS)
    to_uri = django_filters.CharFilter(**CONTAINS)
    received_after = django_filters.IsoDateTimeFilter(field_name="received_at", lookup_expr="gte")
    received_before = django_filters.IsoDateTimeFilter(field_name="received_at", lookup_expr="lt")

    class Meta:
        model = MessageRecord
        fields = ["direction", "sip_code", "msrp_code"]


class SetupFailureFilter(django_filters.FilterSet):
    """Failed set-ups."""

    key = django_filters.CharFilter()
    session = django_filters.UUIDFilter(field_name="session_id")
    node = django_filters.CharFilter()
    code__isnull = django_filters.BooleanFilter(
        field_name="code", lookup_expr="isnull", label="True: no negative reply came; false: one came."
    )
    from_uri = django_filters.CharFilter(**CONTAINS)
    to_uri = django_filters.CharFilter(**CONTAINS)
    created_after = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_before = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = SetupFailure
        fields = ["code", "layer", "leg"]
