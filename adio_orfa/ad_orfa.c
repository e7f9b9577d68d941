/* SPDX-License-Identifier: MIT */
/* The driver's table. ROMIO calls every member of it; none may be NULL. */
#include "ad_orfa.h"

struct ADIOI_Fns_struct ADIO_ORFA_operations = {
    .ADIOI_xxx_Open = ADIOI_ORFA_Open,
    .ADIOI_xxx_OpenColl = ADIOI_ORFA_OpenColl,
    .ADIOI_xxx_ReadContig = ADIOI_ORFA_ReadContig,
    .ADIOI_xxx_WriteContig = ADIOI_ORFA_WriteContig,
    .ADIOI_xxx_ReadStridedColl = ADIOI_ORFA_ReadStridedColl,
    .ADIOI_xxx_WriteStridedColl = ADIOI_ORFA_WriteStridedColl,
    .ADIOI_xxx_SeekIndividual = ADIOI_ORFA_SeekIndividual,
    .ADIOI_xxx_Fcntl = ADIOI_ORFA_Fcntl,
    .ADIOI_xxx_SetInfo = ADIOI_ORFA_SetInfo,
    .ADIOI_xxx_ReadStrided = ADIOI_ORFA_ReadStrided,
    .ADIOI_xxx_WriteStrided = ADIOI_ORFA_WriteStrided,
    .ADIOI_xxx_Close = ADIOI_ORFA_Close,
    .ADIOI_xxx_IreadContig = ADIOI_ORFA_IreadContig,
    .ADIOI_xxx_IwriteContig = ADIOI_ORFA_IwriteContig,
    .ADIOI_xxx_ReadDone = ADIOI_FAKE_IODone,
    .ADIOI_xxx_WriteDone = ADIOI_FAKE_IODone,
    .ADIOI_xxx_ReadComplete = ADIOI_FAKE_IOComplete,
    .ADIOI_xxx_WriteComplete = ADIOI_FAKE_IOComplete,
    .ADIOI_xxx_IreadStrided = ADIOI_ORFA_IreadStrided,
    .ADIOI_xxx_IwriteStrided = ADIOI_ORFA_IwriteStrided,
    .ADIOI_xxx_Flush = ADIOI_ORFA_Flush,
    .ADIOI_xxx_Resize = ADIOI_ORFA_Resize,
    .ADIOI_xxx_Delete = ADIOI_ORFA_Delete,
    .ADIOI_xxx_Feature = ADIOI_ORFA_Feature,
    .fsname = "ORFA: user-level parallel file system",
    .ADIOI_xxx_IreadStridedColl = ADIOI_ORFA_IreadStridedColl,
    .ADIOI_xxx_IwriteStridedColl = ADIOI_ORFA_IwriteStridedColl,
};
