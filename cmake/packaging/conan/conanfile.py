# SPDX-License-Identifier: Apache-2.0

"""Conan 2 recipe that packages the source tree it stands in: conan create cmake/packaging/conan"""

import os
import re

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.cmake import CMake, CMakeToolchain, cmake_layout
from conan.tools.files import copy, load, rmdir

# Option of the recipe, and the package that the part of joust needs.
PARTS = {
    "with_fmt": "fmt/[>=9 <13]",
    "with_eigen": "eigen/[>=3.4 <4]",
    "with_boost": "boost/[>=1.74 <2]",
    "with_json": "nlohmann_json/[>=3.11 <4]",
    "with_redis": "hiredis/[>=1.0 <2]",
    "with_postgres": "libpq/[>=14 <18]",
    "with_prometheus": "prometheus-cpp/[>=1.0 <2]",
    "with_spdlog": "spdlog/[>=1.10 <2]",
}


class JoustConan(ConanFile):
    name = "joust"
    description = "Tests machine learning models in production: header-only C++20"
    license = "Apache-2.0"
    topics = ("ab-testing", "canary", "interleaving", "machine-learning", "header-only")
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    options = {part: [True, False] for part in PARTS}
    default_options = {part: False for part in PARTS}
    no_copy_source = True

    @property
    def _root(self):
        return os.path.normpath(os.path.join(self.recipe_folder, "..", "..", ".."))

    def set_version(self):
        stated = load(self, os.path.join(self._root, "include", "joust", "version.hpp"))
        self.version = ".".join(re.findall(r"#define JOUST_VERSION_[A-Z]+ (\d+)", stated))

    def export_sources(self):
        for pattern in ("CMakeLists.txt", "LICENSE", "README.md", "CHANGELOG.md", "CITATION.cff", "cmake/*", "include/*"):
            copy(self, pattern, src=self._root, dst=self.export_sources_folder)

    def layout(self):
        cmake_layout(self)

    def validate(self):
        check_min_cppstd(self, 20)

    def requirements(self):
        for part, package in PARTS.items():
            if self.options.get_safe(part):
                self.requires(package)

    def package_id(self):
        self.info.settings.clear()

    def generate(self):
        toolchain = CMakeToolchain(self)
        for variable in ("JOUST_BUILD_TESTS", "JOUST_BUILD_EXAMPLES"):
            toolchain.cache_variables[variable] = False
        toolchain.cache_variables["JOUST_INSTALL"] = True
        toolchain.generate()

    def build(self):
        CMake(self).configure()

    def package(self):
        CMake(self).install()
        copy(self, "LICENSE", src=self.source_folder, dst=os.path.join(self.package_folder, "licenses"))
        rmdir(self, os.path.join(self.package_folder, "share"))

    def package_info(self):
        self.cpp_info.bindirs = []
        self.cpp_info.libdirs = []
        self.cpp_info.set_property("cmake_file_name", "joust")
        self.cpp_info.set_property("pkg_config_name", "joust")
        core = self.cpp_info.components["core"]
        core.set_property("cmake_target_name", "joust::joust")
        core.includedirs = ["include"]
        for option, (part, requirement) in {
            "with_fmt": ("format", "fmt::fmt"),
            "with_eigen": ("eigen", "eigen::eigen"),
            "with_boost": ("distributions", "boost::headers"),
            "with_json": ("json", "nlohmann_json::nlohmann_json"),
            "with_redis": ("redis", "hiredis::hiredis"),
            "with_postgres": ("postgres", "libpq::libpq"),
            "with_prometheus": ("prometheus", "prometheus-cpp::prometheus-cpp-core"),
            "with_spdlog": ("spdlog", "spdlog::spdlog"),
        }.items():
            if self.options.get_safe(option):
                component = self.cpp_info.components[part]
                component.set_property("cmake_target_name", f"joust::{part}")
                component.includedirs = []
                component.requires = ["core", requirement]
