"""Users, groups and API tokens in the look of the rest of the admin."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from rest_framework.authtoken.admin import TokenAdmin as DjangoTokenAdmin
from rest_framework.authtoken.models import TokenProxy
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from sessions_app.admin.records import Light

for model in (User, Group, TokenProxy):
    if admin.site.is_registered(model):
        admin.site.unregister(model)


@admin.register(User)
class UserAdmin(Light, DjangoUserAdmin, ModelAdmin):
    """Who may log in, and what they may do."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    filter_horizontal = ()  # a list to choose from, as anywhere else; the two boxes of it are wider than a telephone


@admin.register(Group)
class GroupAdmin(Light, DjangoGroupAdmin, ModelAdmin):
    """Permissions by name, for many users."""

    filter_horizontal = ()


@admin.register(TokenProxy)
class TokenAdmin(Light, DjangoTokenAdmin, ModelAdmin):
    """Tokens of the REST interface."""
