"""Who may do what over REST: the same permissions that the pages and the admin ask for."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import BasePermission, DjangoModelPermissions
from rest_framework.request import Request


class MayView(DjangoModelPermissions):
    """Reading needs the view permission of what is read."""

    perms_map = {
        **DjangoModelPermissions.perms_map,
        "GET": ["%(app_label)s.view_%(model_name)s"],
        "HEAD": ["%(app_label)s.view_%(model_name)s"],
    }


def needs(codename: str) -> type[BasePermission]:
    """A permission class that wants one permission of the gateway's app."""

    class Needs(BasePermission):
        message = f"This needs the permission sessions_app.{codename}."

        def has_permission(self, request: Request, view: Any) -> bool:
            return bool(
                request.user and request.user.is_authenticated and request.user.has_perm(f"sessions_app.{codename}")
            )

    return Needs
