// SPDX-License-Identifier: MIT
// Five of ROMIO's test programs still use names that MPI 3 removed. Open MPI's library has them,
// its header does not: this one, included before each program, brings them back.
#pragma once
#include <mpi.h>

#undef MPI_LB
#undef MPI_UB
#undef MPI_Type_struct
#undef MPI_Type_hindexed
extern struct ompi_predefined_datatype_t ompi_mpi_lb;
extern struct ompi_predefined_datatype_t ompi_mpi_ub;
#define MPI_LB OMPI_PREDEFINED_GLOBAL(MPI_Datatype, ompi_mpi_lb)
#define MPI_UB OMPI_PREDEFINED_GLOBAL(MPI_Datatype, ompi_mpi_ub)
#define MPI_Type_struct MPI_Type_create_struct
#define MPI_Type_hindexed MPI_Type_create_hindexed
