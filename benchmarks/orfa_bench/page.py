# SPDX-License-Identifier: MIT
"""The frame of every page that is made here: one HTML file that holds its style itself, light or dark as the reader has it."""
import html
import os
import string

HERE = os.path.dirname(os.path.abspath(__file__))


def template(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as file:
        return string.Template(file.read())


def page(title, facts, content, footer):
    """`title` and `footer`: text; `facts`, the line below the title, and `content`: HTML."""
    with open(os.path.join(HERE, "page.css"), encoding="utf-8") as file:
        style = file.read()
    return template("page.html").substitute(title=html.escape(title), style=style, facts=facts, content=content,
                                            footer=html.escape(footer))
