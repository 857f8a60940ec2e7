# SPDX-License-Identifier: Apache-2.0

# Flags for joust's own tests, examples and benchmarks. They live on private targets: who links joust::joust gets none.

add_library(joust_dev INTERFACE)
target_link_libraries(joust_dev INTERFACE joust::joust)
target_compile_options(joust_dev INTERFACE
    -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wold-style-cast -Wdouble-promotion
    $<$<BOOL:${JOUST_WERROR}>:-Werror>)
target_compile_definitions(joust_dev INTERFACE JOUST_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
set_property(DIRECTORY ${PROJECT_SOURCE_DIR} PROPERTY CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_EXTENSIONS OFF)

# g++ otherwise spends a sixth of the time of a test file on collecting garbage.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(joust_dev INTERFACE "SHELL:--param ggc-min-heapsize=2000000")
endif()

if(JOUST_SANITIZE)
    add_compile_options(-fsanitize=${JOUST_SANITIZE} -fno-omit-frame-pointer)
    if(JOUST_SANITIZE MATCHES "undefined")
        add_compile_options(-fno-sanitize-recover=undefined)
    endif()
    add_link_options(-fsanitize=${JOUST_SANITIZE})
endif()

# A faster linker, where there is one.
if(NOT CMAKE_EXE_LINKER_FLAGS MATCHES "-fuse-ld" AND CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang" AND NOT APPLE)
    include(CheckLinkerFlag)
    check_linker_flag(CXX -fuse-ld=lld JOUST_LINKS_WITH_LLD)
    if(JOUST_LINKS_WITH_LLD)
        add_link_options(-fuse-ld=lld)
    endif()
endif()

find_program(JOUST_CCACHE ccache)
mark_as_advanced(JOUST_CCACHE)
if(JOUST_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    # Precompiled headers have times in them, which ccache else takes for differences.
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${JOUST_CCACHE})
endif()

find_package(Threads REQUIRED)

# Catch2 3 fails a run that matches no test; 2.13 has to be told.
set(joust_no_tests_is_an_error "")
if(NOT TARGET Catch2::Catch2WithMain)
    set(joust_no_tests_is_an_error --warn NoTests)
endif()

# The compilers that judge what must and must not compile: the one in use, and the other one where it is installed.
find_program(JOUST_GXX NAMES g++ g++-12)
find_program(JOUST_CLANGXX NAMES clang++ clang++-14)
mark_as_advanced(JOUST_GXX JOUST_CLANGXX)
set(joust_compilers "")
if(JOUST_GXX)
    list(APPEND joust_compilers ${JOUST_GXX})
endif()
if(JOUST_CLANGXX)
    list(APPEND joust_compilers ${JOUST_CLANGXX})
endif()
