# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  cluster:
    description: The cluster's name.
    type: str
    required: true
  services:
    description: The services, as the variable C(ecs_services_services) has them.
    type: list
    elements: dict
    required: true
  service:
    description: The inventory's names of those that are meant, with commas between them. Without it all.
    type: str
    default: ""
"""
