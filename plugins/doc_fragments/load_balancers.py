# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  load_balancers:
    description: 'The load balancers, as in C(alb_load_balancers): each module reads what concerns it.'
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The name that the inventory uses. AWS's name is C(<stack>-<environment>-<name>).
        type: str
        required: true
      aws_name:
        description: AWS's name, where it is to be another one. At most 32 characters.
        type: str
      scheme:
        description: Whether it can be reached from outside the VPC. AWS sets it once and for all.
        type: str
        choices: [internet-facing, internal]
        default: internet-facing
      subnets:
        description: The tier of subnets that it stands in, one subnet in each zone. V(public) for an internet-facing
          one, else V(private).
        type: str
      security_groups:
        description: Security groups, by their names in C(networking_security_groups) or by id. Left alone where none is
          given.
        type: list
        elements: str
        default: []
      idle_timeout:
        description: After how many seconds without traffic a connection is closed.
        type: int
      keep_alive:
        description: For how many seconds a client's connection is kept at most.
        type: int
      http2:
        description: Whether clients may use HTTP/2.
        type: bool
      deletion_protection:
        description: Whether AWS refuses to delete it.
        type: bool
      drop_invalid_headers:
        description: Whether headers with invalid names are dropped instead of passed on.
        type: bool
      access_logs:
        description: Where its access logs go.
        type: dict
        suboptions:
          enabled:
            description: Whether access logs are written.
            type: bool
            default: true
          bucket:
            description: The bucket, which has to let the region's load balancing account write.
            type: str
          prefix:
            description: What the objects' keys start with.
            type: str
      certificate:
        description: The certificate of HTTPS listeners, with either C(domain) or C(arn).
        type: dict
        suboptions:
          domain:
            description: The first name in a certificate that role certificate requests.
            type: str
          alternative_names:
            description: Further names in it.
            type: list
            elements: str
          validation:
            description: How the ownership of the domain is shown.
            type: str
            choices: [dns, email]
          key_algorithm:
            description: The key. Left to AWS where it is not given.
            type: str
            choices: [RSA_2048, RSA_3072, RSA_4096, EC_prime256v1, EC_secp384r1, EC_secp521r1]
          arn:
            description: A certificate that exists already.
            type: str
      certificates:
        description: Additional certificates, of which clients get the one that their host name asks for.
          Exact.
        type: list
        elements: dict
        suboptions:
          domain:
            description: The first name in a certificate that role certificate requests.
            type: str
          alternative_names:
            description: Further names in it.
            type: list
            elements: str
          validation:
            description: How the ownership of the domain is shown.
            type: str
            choices: [dns, email]
          key_algorithm:
            description: The key. Left to AWS where it is not given.
            type: str
            choices: [RSA_2048, RSA_3072, RSA_4096, EC_prime256v1, EC_secp384r1, EC_secp521r1]
          arn:
            description: A certificate that exists already.
            type: str
      target_groups:
        description: Its target groups.
        type: list
        elements: dict
        default: []
        suboptions:
          name:
            description: The name that the inventory uses. AWS's name is C(<stack>-<environment>-<name>).
            type: str
            required: true
          aws_name:
            description: AWS's name, where it is to be another one. At most 32 characters.
            type: str
          port:
            description: The port of the targets. AWS sets it once and for all, as it does protocol, version
              and type.
            type: int
            required: true
          protocol:
            description: The protocol that targets speak.
            type: str
            choices: [HTTP, HTTPS]
            default: HTTP
          protocol_version:
            description: The version of HTTP. AWS takes HTTP1 where it is not given.
            type: str
            choices: [HTTP1, HTTP2, GRPC]
          target_type:
            description: What targets are. Fargate tasks are V(ip).
            type: str
            choices: [ip, instance]
            default: ip
          health_check:
            description: How targets are checked. What is left out is AWS's default at first, and left alone
              later.
            type: dict
            suboptions:
              path:
                description: The path that is asked for.
                type: str
              port:
                description: The port, V(traffic-port) for the target's own.
                type: str
              protocol:
                description: The protocol of the check.
                type: str
                choices: [HTTP, HTTPS]
              interval:
                description: Seconds between two checks, 5 to 300.
                type: int
              timeout:
                description: Seconds that a check may take, shorter than the interval.
                type: int
              healthy:
                description: How many good checks in a row make a target healthy, 2 to 10.
                type: int
              unhealthy:
                description: How many bad checks in a row make it unhealthy, 2 to 10.
                type: int
              matcher:
                description: Status codes that are good, such as V(200) or V(200-299).
                type: str
          deregistration_delay:
            description: For how many seconds a target that leaves may finish its requests.
            type: int
          slow_start:
            description: Over how many seconds a new target's share grows, V(0) for at once.
            type: int
          algorithm:
            description: How a target is chosen for a request.
            type: str
            choices: [round_robin, least_outstanding_requests, weighted_random]
          stickiness:
            description: Whether a client stays with its target.
            type: dict
            suboptions:
              enabled:
                description: Whether it does.
                type: bool
                default: true
              duration:
                description: For how many seconds.
                type: int
              cookie:
                description: The application's own cookie that it goes by. The load balancer's cookie where
                  it is not given.
                type: str
      listeners:
        description: Its listeners. Exact, what is not listed is removed. Each has exactly one of C(redirect),
          C(redirect_to), C(target_group), C(target_groups) and C(fixed_response).
        type: list
        elements: dict
        default: []
        suboptions:
          port:
            description: The port.
            type: int
            required: true
          protocol:
            description: V(HTTPS) on port 443 and where the listener names a certificate, else V(HTTP).
            type: str
            choices: [HTTP, HTTPS]
          ssl_policy:
            description: AWS's policy of protocols and ciphers. V(ELBSecurityPolicy-TLS13-1-2-2021-06) where
              it is not given.
            type: str
          certificate:
            description: Another certificate than the load balancer's.
            type: dict
            suboptions:
              domain:
                description: The first name in a certificate that role certificate requests.
                type: str
              alternative_names:
                description: Further names in it.
                type: list
                elements: str
              validation:
                description: How the ownership of the domain is shown.
                type: str
                choices: [dns, email]
              key_algorithm:
                description: The key. Left to AWS where it is not given.
                type: str
                choices: [RSA_2048, RSA_3072, RSA_4096, EC_prime256v1, EC_secp384r1, EC_secp521r1]
              arn:
                description: A certificate that exists already.
                type: str
          certificates:
            description: Additional certificates of this listener.
            type: list
            elements: dict
            suboptions:
              domain:
                description: The first name in a certificate that role certificate requests.
                type: str
              alternative_names:
                description: Further names in it.
                type: list
                elements: str
              validation:
                description: How the ownership of the domain is shown.
                type: str
                choices: [dns, email]
              key_algorithm:
                description: The key. Left to AWS where it is not given.
                type: str
                choices: [RSA_2048, RSA_3072, RSA_4096, EC_prime256v1, EC_secp384r1, EC_secp521r1]
              arn:
                description: A certificate that exists already.
                type: str
          redirect:
            description: Redirect, permanently, to this port of the same address. HTTPS unless it is 80.
            type: int
          redirect_to:
            description: Redirect with more to say. What is left out stays as it came.
            type: dict
            suboptions:
              protocol:
                description: The protocol.
                type: str
                choices: [HTTP, HTTPS, '#{protocol}']
              port:
                description: The port.
                type: str
              host:
                description: The host.
                type: str
              path:
                description: The path, starting with a slash.
                type: str
              query:
                description: The query.
                type: str
              status:
                description: Permanent or for now.
                type: int
                choices: [301, 302]
                default: 301
          target_group:
            description: Forward to this target group.
            type: str
          target_groups:
            description: Forward to several target groups.
            type: list
            elements: dict
            suboptions:
              name:
                description: The target group.
                type: str
                required: true
              weight:
                description: Its share, 0 to 999.
                type: int
                default: 1
          stickiness:
            description: For how many seconds a client stays with the target group that it got.
            type: int
          manage_weights:
            description: Whether every run sets the weights. Without it they are set once and then belong
              to traffic shifts.
            type: bool
            default: false
          fixed_response:
            description: Answer by itself.
            type: dict
            suboptions:
              status:
                description: The status code, 2xx, 4xx or 5xx.
                type: int
                required: true
              content_type:
                description: The content type.
                type: str
                default: text/plain
              body:
                description: The body, at most 1024 characters.
                type: str
                default: ''
          rules:
            description: Rules that come before the listener's own action. Exact.
            type: list
            elements: dict
            suboptions:
              priority:
                description: Its place, 1 to 50000, the lowest first.
                type: int
                required: true
              path:
                description: Paths, with V(*) and V(?) as wildcards.
                type: list
                elements: str
              host:
                description: Host names, with V(*) and V(?) as wildcards.
                type: list
                elements: str
              method:
                description: Methods of the request.
                type: list
                elements: str
              source_ip:
                description: CIDRs that the request comes from.
                type: list
                elements: str
              headers:
                description: Values that a header may have, by the header's name.
                type: dict
              query:
                description: Parts of the query, as C(key=value) or C(value).
                type: list
                elements: str
              redirect:
                description: Redirect, permanently, to this port of the same address. HTTPS unless it is 80.
                type: int
              redirect_to:
                description: Redirect with more to say. What is left out stays as it came.
                type: dict
                suboptions:
                  protocol:
                    description: The protocol.
                    type: str
                    choices: [HTTP, HTTPS, '#{protocol}']
                  port:
                    description: The port.
                    type: str
                  host:
                    description: The host.
                    type: str
                  path:
                    description: The path, starting with a slash.
                    type: str
                  query:
                    description: The query.
                    type: str
                  status:
                    description: Permanent or for now.
                    type: int
                    choices: [301, 302]
                    default: 301
              target_group:
                description: Forward to this target group.
                type: str
              target_groups:
                description: Forward to several target groups.
                type: list
                elements: dict
                suboptions:
                  name:
                    description: The target group.
                    type: str
                    required: true
                  weight:
                    description: Its share, 0 to 999.
                    type: int
                    default: 1
              stickiness:
                description: For how many seconds a client stays with the target group that it got.
                type: int
              manage_weights:
                description: Whether every run sets the weights. Without it they are set once and then belong
                  to traffic shifts.
                type: bool
                default: false
              fixed_response:
                description: Answer by itself.
                type: dict
                suboptions:
                  status:
                    description: The status code, 2xx, 4xx or 5xx.
                    type: int
                    required: true
                  content_type:
                    description: The content type.
                    type: str
                    default: text/plain
                  body:
                    description: The body, at most 1024 characters.
                    type: str
                    default: ''
"""
