# SPDX-License-Identifier: Apache-2.0

"""Usage: conan.py ROOT VERSION

Runs the methods of the Conan recipe with stand-ins for Conan's own modules: which version it states, which files it exports, and
which targets it promises. That Conan itself accepts the recipe is not tried where Conan is not installed.
"""

import fnmatch
import os
import re
import sys
import types

root, version = sys.argv[1:3]
folder = os.path.join(root, "cmake", "packaging", "conan")
exported = set()


class Anything:
    """Takes any call and any attribute, and remembers the properties set on it."""

    def __init__(self):
        self.properties = {}
        self.requires = []

    def set_property(self, name, value):
        self.properties[name] = value


class CppInfo(Anything):
    def __init__(self):
        super().__init__()
        self.components = types.SimpleNamespace()
        self.components = __import__("collections").defaultdict(Anything)


class Options(dict):
    get_safe = dict.get


def copy(recipe, pattern, src, dst):
    for path, _, names in os.walk(src):
        for name in names:
            relative = os.path.relpath(os.path.join(path, name), src)
            if fnmatch.fnmatch(relative, pattern):
                exported.add(relative)


def load(recipe, path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def module(name, **content):
    made = types.ModuleType(name)
    made.__dict__.update(content)
    sys.modules[name] = made


module("conan", ConanFile=object)
module("conan.tools")
module("conan.tools.build", check_min_cppstd=None)
module("conan.tools.cmake", CMake=None, CMakeToolchain=None, cmake_layout=None)
module("conan.tools.files", copy=copy, load=load, rmdir=None)
path = os.path.join(folder, "conanfile.py")
recipe_module = {}
exec(compile(load(None, path), path, "exec"), recipe_module)

recipe = recipe_module["JoustConan"]()
recipe.recipe_folder = folder
recipe.export_sources_folder = "unused"
recipe.set_version()
assert recipe.version == version, f"the recipe states {recipe.version}, joust {version}"

recipe.export_sources()
needed = {"CMakeLists.txt", "LICENSE"}
for area in ("include", "cmake"):
    for at, _, names in os.walk(os.path.join(root, area)):
        needed |= {os.path.relpath(os.path.join(at, name), root) for name in names if not at.endswith("conan")}
# What the install rules and the top file name has to be among the exported files.
for script in ("CMakeLists.txt", "cmake/install.cmake"):
    text = load(None, os.path.join(root, script))
    needed |= set(re.findall(r"\$\{PROJECT_SOURCE_DIR\}/([A-Za-z_./]+\.[a-z]+)", text))
missing = {name for name in needed if os.path.isfile(os.path.join(root, name))} - exported
assert not missing, f"the recipe does not export {sorted(missing)}"

recipe.options = Options(recipe.default_options)
required = []
recipe.requires = required.append
recipe.requirements()
assert not required, f"without options the recipe requires {required}"
recipe.options = Options({name: True for name in recipe.options})
recipe.requirements()
assert len(required) == len(recipe.options)

recipe.cpp_info = CppInfo()
recipe.package_info()
targets = {part.properties["cmake_target_name"] for part in recipe.cpp_info.components.values()}
parts = set(re.findall(r"^joust_component\((\w+) ", load(None, os.path.join(root, "cmake/joustComponents.cmake")), re.M))
expected = {"joust::joust"} | {f"joust::{part}" for part in parts - {"catch2"}}  # catch2 is what tests bring along
assert targets == expected, f"the recipe makes {sorted(targets)}, the CMake package {sorted(expected)}"
print(f"joust {version}: {len(exported)} files exported, {len(targets)} targets")
