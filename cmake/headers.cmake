# Which headers are the library's interface, the tree of them that programs include as
# <ebjr/ROOM/NOUN.h>, and the linker's version script that follows from them:
#
#   EBJR_0                what the public headers declare
#   EBJR_PRIVATE_VERSION  what ebjr's own programs and backends use besides: no promise is made
#                         about it, and those of another version do not start with it
#
# A header without extern "C" is internal to the library: what it declares is local.
set(public_headers
    base/answer.h base/detection.h base/error.h base/hash.h
    calib/average.h calib/binomial.h calib/bootstrap.h calib/bound.h calib/budget.h calib/certify.h
    calib/certify_drop.h calib/classwise.h calib/coco.h calib/coco_bootstrap.h calib/coco_pick.h calib/coco_sweep.h calib/frontier.h calib/histogram.h calib/latency.h
    calib/logistic.h calib/measured.h calib/metric.h calib/monitor.h calib/order.h calib/pick.h calib/quantile.h
    calib/reliability.h calib/risk_coverage.h calib/slices.h calib/sorter.h calib/split.h calib/stages.h
    calib/summary.h calib/sweep.h calib/temperature.h
    db/class_name.h db/detection.h db/latency.h db/latency_stream.h db/output.h db/store.h db/stored.h db/trial.h db/truth.h db/verify.h
    runtime/cascade.h runtime/class_map.h runtime/coco_file.h runtime/dataset.h runtime/derive.h runtime/detector.h runtime/device.h
    runtime/flops.h runtime/image_score.h runtime/integer_file.h runtime/logits_file.h runtime/model.h runtime/picture.h runtime/plan.h runtime/policy.h
    runtime/preprocess.h runtime/recorder.h runtime/resize.h runtime/router.h runtime/run.h runtime/score.h
    runtime/tune.h)
file(GLOB room_headers RELATIVE ${PROJECT_SOURCE_DIR} CONFIGURE_DEPENDS
    base/*.h bench/*.h calib/*.h db/*.h plots/*.h runtime/*.h)

set(include_tree ${PROJECT_BINARY_DIR}/include)
set(version_script ${PROJECT_BINARY_DIR}/libebjr.map)
add_custom_command(OUTPUT ${version_script}
    COMMAND ${CMAKE_COMMAND} "-Dpublic=${public_headers}" "-Dall=${room_headers}"
        -Dsource=${PROJECT_SOURCE_DIR} -Dversion_header=${PROJECT_BINARY_DIR}/version.h
        -Dinclude=${include_tree}/ebjr -Dscript=${version_script} -Dversion=${PROJECT_VERSION}
        -P ${PROJECT_SOURCE_DIR}/cmake/make_headers.cmake
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
    DEPENDS ${room_headers} cmake/make_headers.cmake cmake/headers.cmake
        ${PROJECT_BINARY_DIR}/version.h
    COMMENT "The public headers, and which symbols they make so"
    VERBATIM)
add_custom_target(ebjr-headers DEPENDS ${version_script})

function(export_public_symbols library)
    add_dependencies(${library} ebjr-headers)
    target_link_options(${library} PRIVATE -Wl,--version-script=${version_script})
    set_property(TARGET ${library} APPEND PROPERTY LINK_DEPENDS ${version_script})
endfunction()
