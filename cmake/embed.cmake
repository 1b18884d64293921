# embed_text(FILE HEADER NAME): a header in the build directory with the text of FILE as a C string.
function(embed_text file header name)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${file})
    file(READ ${PROJECT_SOURCE_DIR}/${file} hex HEX)
    string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
    file(WRITE ${PROJECT_BINARY_DIR}/${header}.new
        "/* made from ${file} */\nstatic const char ${name}[] = {${bytes}0};\n")
    configure_file(${PROJECT_BINARY_DIR}/${header}.new ${PROJECT_BINARY_DIR}/${header} COPYONLY)
endfunction()
