# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Give a secret of the embedded AWS the value that a person would set by hand; a value that is there stays.

    . .local/aws.env
    printf %s "$VALUE" | python extensions/local_cloud/set_secret.py tv-shows-api/rails-master-key

The value comes from standard input and is never printed. Prints `changed` and `name`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import tools


def set_value(secrets: Any, name: str, value: str) -> dict[str, Any]:
    if not value:
        raise tools.ToolError(f"No value for secret {name} came over standard input.")
    try:
        described = secrets.describe_secret(SecretId=name)
    except secrets.exceptions.ResourceNotFoundException:
        message = f"There is no secret {name} to set. Provisioning makes it; set it after that."
        raise tools.ToolError(message) from None
    if described.get("VersionIdsToStages"):
        return {"changed": False, "name": name}
    secrets.put_secret_value(SecretId=name, SecretString=value)
    return {"changed": True, "name": name}


def main() -> int:
    parser = tools.parser("Give a secret of the embedded AWS its value, if it has none.")
    parser.add_argument("name")
    arguments = parser.parse_args()
    value = sys.stdin.read()
    return tools.run(lambda: set_value(tools.client("secretsmanager", arguments), arguments.name, value))


if __name__ == "__main__":
    sys.exit(main())
