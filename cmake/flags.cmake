# Warnings and instrumentation. HL_SANITIZE: a -fsanitize list; HL_FUZZ: build fuzz targets (clang);
# HL_HARDEN: the release flags; HL_TEST_SWITCHES: HLMESH_TEMPLATE_FAKE; HL_COVERAGE: gcov.
set(HL_SANITIZE "" CACHE STRING "sanitizers, as for -fsanitize=")
option(HL_FUZZ "build the fuzz targets instead of the tests (needs clang)" OFF)
option(HL_HARDEN "hardened release flags" OFF)
option(HL_TEST_SWITCHES "environment variables that make results fixed, for tests" OFF)
option(HL_COVERAGE "count lines and branches" OFF)

add_compile_definitions(_GNU_SOURCE)
add_link_options(-Wl,--as-needed)
add_compile_options(
    -Wall -Wextra -Werror -Wconversion -Wvla -Wformat=2 -Wimplicit-fallthrough -Wshadow
    -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wpointer-arith
    -fno-strict-aliasing -fno-strict-overflow -fno-delete-null-pointer-checks -fno-omit-frame-pointer -g)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-format-truncation)
endif()
# Names in messages and debug information are relative to the tree, wherever it lies.
add_compile_options(-ffile-prefix-map=${PROJECT_SOURCE_DIR}/=)

if(CMAKE_C_COMPILER_ID MATCHES Clang)
    # libseccomp's own macros leave fields out
    add_compile_options(-Wno-missing-field-initializers)
endif()

if(HL_SANITIZE)
    add_compile_options(-fsanitize=${HL_SANITIZE} -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${HL_SANITIZE})
endif()
if(HL_HARDEN)
    set(CMAKE_POSITION_INDEPENDENT_CODE ON)
    set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
    add_compile_options(-O2 -fPIE -D_FORTIFY_SOURCE=3 -fstack-protector-strong
        -fstack-clash-protection -fcf-protection=full -ftrivial-auto-var-init=zero
        -fzero-call-used-regs=used-gpr)
    add_link_options(-pie -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code)
endif()
if(HL_COVERAGE)
    add_compile_options(--coverage)
    add_link_options(--coverage)
endif()
if(HL_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()
