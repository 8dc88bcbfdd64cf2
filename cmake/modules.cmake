# hl_module(<folder> [LINK <folder or target>...]): the static library of lib/<folder> (or of
# roles/<name>, or of a program's folder without its main.c, so that tests can link it), linked with
# the modules and outside libraries it may use. A folder that does not exist yet is left out
# together with what needs it.
function(hl_target_of folder out)
    string(REPLACE "/" "_" name "hl_${folder}")
    set(${out} ${name} PARENT_SCOPE)
endfunction()

function(hl_link target)
    foreach(dep IN LISTS ARGN)
        if(dep MATCHES "::")
            target_link_libraries(${target} PUBLIC ${dep})
        else()
            hl_target_of(${dep} dep_target)
            if(TARGET ${dep_target})
                target_link_libraries(${target} PUBLIC ${dep_target})
            endif()
        endif()
    endforeach()
endfunction()

function(hl_module folder)
    cmake_parse_arguments(arg "" "" "LINK" ${ARGN})
    hl_target_of(${folder} target)
    if(folder MATCHES "^roles/" OR folder STREQUAL "hlctl")
        set(dir ${PROJECT_SOURCE_DIR}/${folder})
    else()
        set(dir ${PROJECT_SOURCE_DIR}/lib/${folder})
    endif()
    file(GLOB sources CONFIGURE_DEPENDS ${dir}/*.c)
    list(FILTER sources EXCLUDE REGEX "/main\\.c$")
    if(NOT sources)
        return()
    endif()
    add_library(${target} STATIC ${sources})
    target_include_directories(${target} PUBLIC ${PROJECT_SOURCE_DIR}/lib ${PROJECT_SOURCE_DIR})
    hl_link(${target} ${arg_LINK})
    set_property(GLOBAL APPEND PROPERTY HL_MODULES ${target})
endfunction()

# hl_prefer_static(<name> <lib>.a [<more libraries>]): the target static::<name>, which is that archive
# where the system has one, else PkgConfig::<name>. For libraries of which a program that starts often
# needs little and whose own libraries take long to load.
function(hl_prefer_static name archive)
    find_library(HL_ARCHIVE_${name} ${archive})
    add_library(static::${name} INTERFACE IMPORTED GLOBAL)
    if(HL_ARCHIVE_${name})
        target_link_libraries(static::${name} INTERFACE ${HL_ARCHIVE_${name}} ${ARGN})
    else()
        target_link_libraries(static::${name} INTERFACE PkgConfig::${name})
    endif()
endfunction()

function(hl_program name folder)
    cmake_parse_arguments(arg "" "" "LINK" ${ARGN})
    file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/*.c)
    if(NOT sources)
        return()
    endif()
    hl_target_of(${folder} module)
    if(TARGET ${module})
        set(sources ${PROJECT_SOURCE_DIR}/${folder}/main.c)
    endif()
    add_executable(${name} ${sources})
    target_compile_definitions(${name} PRIVATE HL_VERSION="${PROJECT_VERSION}"
        HL_LIBEXECDIR="${CMAKE_INSTALL_FULL_LIBEXECDIR}/hlmesh")
    hl_link(${name} ${arg_LINK})
    if(name MATCHES "^(hl-git|hlctl-mesh)$")
        install(TARGETS ${name} DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/hlmesh)
    else()
        install(TARGETS ${name} DESTINATION ${CMAKE_INSTALL_BINDIR})
    endif()
endfunction()

# hl_protobuf(<folder>): compiles proto/*.proto into that module only. Generated code is not ours
# to keep free of warnings.
function(hl_protobuf folder)
    hl_target_of(${folder} target)
    if(NOT TARGET ${target})
        return()
    endif()
    find_program(PROTOC_C protoc-c REQUIRED)
    set(out ${PROJECT_BINARY_DIR}/proto)
    file(MAKE_DIRECTORY ${out})
    file(GLOB protos CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/proto/*.proto)
    foreach(proto IN LISTS protos)
        get_filename_component(stem ${proto} NAME_WE)
        add_custom_command(
            OUTPUT ${out}/${stem}.pb-c.c ${out}/${stem}.pb-c.h
            COMMAND ${PROTOC_C} --proto_path=${PROJECT_SOURCE_DIR}/proto --c_out=${out} ${proto}
            DEPENDS ${protos})
        set_source_files_properties(${out}/${stem}.pb-c.c PROPERTIES COMPILE_OPTIONS "-w")
        target_sources(${target} PRIVATE ${out}/${stem}.pb-c.c ${out}/${stem}.pb-c.h)
    endforeach()
    target_include_directories(${target} PRIVATE SYSTEM ${out})
endfunction()

# hl_embed(<folder> <folder of files> <name>): the *.json below the second folder as a table in that
# module, one {path without ".json", bytes, count} each, {0} at its end. The module declares `name`
# and the type "struct metaschema" in its draft.h.
function(hl_embed folder files name)
    hl_target_of(${folder} target)
    if(NOT TARGET ${target})
        return()
    endif()
    file(GLOB_RECURSE paths CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}/${files}
        ${PROJECT_SOURCE_DIR}/${files}/*.json)
    set(arrays "")
    set(rows "")
    set(number 0)
    foreach(path IN LISTS paths)
        file(READ ${PROJECT_SOURCE_DIR}/${files}/${path} hex HEX)
        set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${files}/${path})
        string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
        string(REGEX REPLACE "\\.json$" "" key ${path})
        string(APPEND arrays "static const unsigned char file_${number}[] = {${bytes}};\n")
        string(APPEND rows "    {\"${key}\", file_${number}, sizeof(file_${number})},\n")
        math(EXPR number "${number} + 1")
    endforeach()
    set(out ${PROJECT_BINARY_DIR}/embed/${name}.c)
    file(CONFIGURE OUTPUT ${out} @ONLY CONTENT
        "#include \"${folder}/draft.h\"\n\n@arrays@\nconst struct metaschema ${name}[] = {\n@rows@    {0}};\n")
    target_sources(${target} PRIVATE ${out})
endfunction()

# hl_install_beside_programs(): completions as hlctl itself writes them, and the fleet we ship.
function(hl_install_beside_programs)
    foreach(folder addons platform promises workloads matchbox)
        install(DIRECTORY ${PROJECT_SOURCE_DIR}/${folder} DESTINATION ${CMAKE_INSTALL_DATADIR}/hlmesh/fleet)
    endforeach()
    install(CODE "
        set(share \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_DATADIR}\")
        foreach(pair \"bash|bash-completion/completions/hlctl\" \"zsh|zsh/vendor-completions/_hlctl\" \"fish|fish/vendor_completions.d/hlctl.fish\")
            string(REPLACE \"|\" \";\" pair \"\${pair}\")
            list(GET pair 0 shell)
            list(GET pair 1 file)
            get_filename_component(folder \"\${share}/\${file}\" DIRECTORY)
            file(MAKE_DIRECTORY \"\${folder}\")
            execute_process(COMMAND ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/hlctl completion \${shell}
                OUTPUT_FILE \"\${share}/\${file}\" COMMAND_ERROR_IS_FATAL ANY)
            message(STATUS \"Installing: \${share}/\${file}\")
        endforeach()")
endfunction()
